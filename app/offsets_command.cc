#include "app/offsets_command.h"

#include <cstdio>
#include <memory>

#include "base/status_macros.h"
#include "offsets/connect_format.h"
#include "offsets/create_offset_store.h"

namespace shardtail::app {
namespace {

absl::Status Show(const ConfigurationFiles& files) {
  SHARDTAIL_ASSIGN_OR_RETURN(const config::Configuration config, LoadConfiguration(files));
  SHARDTAIL_ASSIGN_OR_RETURN(
      const auto store,
      offsets::CreateOffsetStore(config.offsets, config.sink.kafka, offsets::Access::kRead));
  SHARDTAIL_ASSIGN_OR_RETURN(const auto stored, store->LoadAll());
  if (stored.empty()) std::fprintf(stderr, "shardtail: no offset is stored\n");
  for (const auto& [replica_set, offset] : stored) {
    const std::string key =
        offsets::EncodeKey(config.offsets.connector_name, config.offsets.logical_name, replica_set);
    const std::string value = offsets::EncodeValue(offset);
    std::printf("%s\t%s\n", key.c_str(), value.c_str());
  }
  return absl::OkStatus();
}

absl::Status Set(const ConfigurationFiles& files, const OffsetChange& change) {
  if (change.seconds == 0) {
    return absl::InvalidArgumentError("--sec 0: no oplog entry has that time");
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const config::Configuration config, LoadConfiguration(files));
  SHARDTAIL_ASSIGN_OR_RETURN(const auto store,
                             offsets::CreateOffsetStore(config.offsets, config.sink.kafka));
  return store->Save(change.replica_set,
                     {.position = {{change.seconds, change.increment}, change.index}});
}

absl::Status Delete(const ConfigurationFiles& files, const OffsetChange& change) {
  SHARDTAIL_ASSIGN_OR_RETURN(const config::Configuration config, LoadConfiguration(files));
  SHARDTAIL_ASSIGN_OR_RETURN(const auto store,
                             offsets::CreateOffsetStore(config.offsets, config.sink.kafka));
  const auto stored = store->LoadAll();
  // An offset that cannot be understood can be deleted all the same: its message says so.
  if (stored.status().code() == absl::StatusCode::kFailedPrecondition) {
    return store->Delete(change.replica_set);
  }
  SHARDTAIL_RETURN_IF_ERROR(stored.status());
  if (!stored->contains(change.replica_set)) {
    return absl::NotFoundError("no offset is stored for replica set " + change.replica_set);
  }
  return store->Delete(change.replica_set);
}

int ExitStatus(const absl::Status& status) { return status.ok() ? 0 : ReportFailure(status); }

}  // namespace

int ShowOffsets(const ConfigurationFiles& files) { return ExitStatus(Show(files)); }

int SetOffset(const ConfigurationFiles& files, const OffsetChange& change) {
  return ExitStatus(Set(files, change));
}

int DeleteOffset(const ConfigurationFiles& files, const OffsetChange& change) {
  return ExitStatus(Delete(files, change));
}

}  // namespace shardtail::app
