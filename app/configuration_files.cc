#include "app/configuration_files.h"

#include <cstdio>
#include <optional>

#include "base/log.h"
#include "base/status_macros.h"
#include "kafka/property_map.h"
#include "mongo/bson.h"
#include "mongo/connection_string.h"

namespace shardtail::app {

namespace {

struct Files {
  std::optional<config::RawProperties> worker;
  config::RawProperties connector;
};

absl::StatusOr<Files> Read(const ConfigurationFiles& files) {
  Files read;
  if (!files.worker.empty()) {
    SHARDTAIL_ASSIGN_OR_RETURN(read.worker, config::ReadFile(files.worker));
  }
  SHARDTAIL_ASSIGN_OR_RETURN(read.connector, config::ReadFile(files.connector));
  return read;
}

}  // namespace

absl::StatusOr<config::Configuration> LoadConfiguration(const ConfigurationFiles& files) {
  SHARDTAIL_ASSIGN_OR_RETURN(const Files read, Read(files));
  SHARDTAIL_ASSIGN_OR_RETURN(config::Configuration loaded,
                             config::Load(read.worker, read.connector, kafka::CheckOptions,
                                          mongo::ReadConnectionString, bson::FromJson));
  base::ConfigureLog(loaded.log);
  for (const std::string& note : loaded.notes) base::LogInfo("{}", note);
  return loaded;
}

absl::StatusOr<config::Reloaded> ReloadConfiguration(const ConfigurationFiles& files,
                                                     const config::Configuration& running) {
  SHARDTAIL_ASSIGN_OR_RETURN(const Files read, Read(files));
  return config::Reload(running, read.worker, read.connector, kafka::CheckOptions,
                        mongo::ReadConnectionString, bson::FromJson);
}

int ReportFailure(const absl::Status& status) {
  const std::string text(status.message());
  std::fprintf(stderr, "shardtail: %s\n", text.c_str());
  return 1;
}

}  // namespace shardtail::app
