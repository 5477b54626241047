#include "app/check_command.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "app/brokers.h"
#include "app/explain.h"
#include "app/nearest_names.h"
#include "app/signals.h"
#include "app/whole_databases.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "encoding/json_encoder.h"
#include "filter/field_filter.h"
#include "filter/namespace_filter.h"
#include "mongo/client.h"
#include "mongo/connection_string.h"
#include "offsets/create_offset_store.h"
#include "shard_discovery/deployment_finder.h"
#include "shard_discovery/privileges.h"
#include "shard_discovery/replica_set_finder.h"
#include "snapshot/collection_list.h"
#include "tailer/oplog_window.h"
#include "topology/assignment.h"

namespace shardtail::app {
namespace {

// Prints one line for each thing that was looked at; remembers whether any was wrong.
class Report {
 public:
  void Good(const std::string& text) { std::printf("ok    %s\n", text.c_str()); }
  void Warn(const std::string& text) { std::printf("warn  %s\n", text.c_str()); }
  void Bad(const std::string& text) {
    std::printf("FAIL  %s\n", text.c_str());
    all_good_ = false;
  }
  void Detail(const std::string& text) { std::printf("        %s\n", text.c_str()); }
  bool all_good() const { return all_good_; }

 private:
  bool all_good_ = true;
};

// Whether a run could write to the file, without making it.
absl::Status CheckFile(const std::string& path) {
  const std::filesystem::path file(path);
  std::error_code error;
  const bool exists = std::filesystem::exists(file, error);
  const std::filesystem::path target =
      exists ? file : (file.has_parent_path() ? file.parent_path() : std::filesystem::path("."));
  if (std::filesystem::is_directory(file, error)) {
    return absl::FailedPreconditionError(fmt::format("sink.file.path: {} is a directory", path));
  }
  if (access(target.c_str(), exists ? W_OK : W_OK | X_OK) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(fmt::format("sink.file.path: {} cannot be written: {}", path,
                                                 std::system_category().message(errno)));
}

absl::Status CheckOutput(const config::Configuration& config, const std::stop_token& stop,
                         Report& report) {
  switch (config.sink.type) {
    case sink::Type::kStdout:
      report.Good("events go to standard output");
      return absl::OkStatus();
    case sink::Type::kFile:
      SHARDTAIL_RETURN_IF_ERROR(CheckFile(config.sink.file_path));
      report.Good("events go to the file " + config.sink.file_path);
      return absl::OkStatus();
    case sink::Type::kKafka:
      SHARDTAIL_RETURN_IF_ERROR(CheckBrokers(config.sink, stop));
      report.Good("a broker answers at " + config.sink.kafka.bootstrap_servers);
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

void CheckOffsets(const config::Configuration& config, Report& report) {
  const auto store =
      offsets::CreateOffsetStore(config.offsets, config.sink.kafka, offsets::Access::kRead);
  if (!store.ok()) return report.Bad(std::string(store.status().message()));
  const auto stored = (*store)->LoadAll();
  if (!stored.ok()) return report.Bad(std::string(stored.status().message()));
  const std::string where =
      config.offsets.topic.empty() ? config.offsets.file_name : "topic " + config.offsets.topic;
  report.Good(fmt::format("offsets in {}: {} stored", where, stored->size()));
}

void CheckPrivileges(mongo::Client& client, const std::vector<std::string>& captured,
                     const std::vector<std::string>& databases, bool to_copy, bool shard,
                     Report& report) {
  auto missing = shard_discovery::MissingPrivileges(client, captured, databases, to_copy);
  if (!missing.ok()) return report.Bad(std::string(missing.status().message()));
  if (shard) {
    const auto more = shard_discovery::MissingOnShard(client);
    if (!more.ok()) return report.Bad(std::string(more.status().message()));
    missing->insert(missing->end(), more->begin(), more->end());
  }
  if (const auto sees_all = shard_discovery::SeesAllDatabases(client);
      sees_all.ok() && !*sees_all) {
    report.Warn(
        "the privilege listDatabases on the cluster is missing: databases that the user may not "
        "read are not seen, and not missed");
  }
  if (missing->empty()) return report.Good("no privilege is missing");
  for (const std::string& privilege : *missing) report.Bad("missing privilege: " + privilege);
}

// What the replica sets hold, as far as they could be looked at.
struct Looked {
  bool at_all = true;
  bool captured = false;         // some collection
  std::set<std::string> others;  // `db.collection`s that the lists leave out
};

absl::Status CheckCollections(const config::Configuration& config, mongo::Client& client,
                              const std::string& replica_set, bool shard, Report& report,
                              Looked* looked) {
  const filter::NamespaceFilter filter(config.filter);
  const encoding::JsonEncoder encoder(config.encoding);
  std::vector<std::string> others;
  SHARDTAIL_ASSIGN_OR_RETURN(
      const std::vector<std::string> captured,
      snapshot::ListCollections(client, [&](const event::Namespace& ns) -> absl::StatusOr<bool> {
        SHARDTAIL_ASSIGN_OR_RETURN(const bool accepts, filter.Accepts(ns));
        if (!accepts) others.emplace_back(ns.full);
        return accepts;
      }));
  report.Good(fmt::format("{} of {} collections are captured", captured.size(),
                          captured.size() + others.size()));
  looked->captured = looked->captured || !captured.empty();
  looked->others.insert(others.begin(), others.end());
  for (const std::string& name : captured) {
    const auto ns = event::Namespace::Parse(name);
    report.Detail(fmt::format("{} → topic {}", name, encoder.MakeTemplate(*ns, replica_set).topic));
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const std::vector<std::string> databases,
                             WholeDatabases(client, config.filter, filter));
  const bool to_copy = config.pipeline.snapshot_mode != pipeline::SnapshotMode::kNever;
  CheckPrivileges(client, captured, databases, to_copy, shard, report);
  return absl::OkStatus();
}

absl::Status CheckOplog(mongo::Client& client, Report& report) {
  SHARDTAIL_ASSIGN_OR_RETURN(const tailer::OplogWindow window, tailer::ReadOplogWindow(client));
  report.Good(
      fmt::format("the oplog holds {:.1f} hours: {} to {}",
                  static_cast<double>(window.newest.seconds - window.oldest.seconds) / 3600.0,
                  tailer::DescribeTime(window.oldest), tailer::DescribeTime(window.newest)));
  return absl::OkStatus();
}

void CheckReplicaSet(const config::Configuration& config,
                     const shard_discovery::ReplicaSet& replica_set, const std::stop_token& stop,
                     Report& report, Looked* looked) {
  shard_discovery::ReplicaSetFinder finder(config.mongo, replica_set.seeds, base::Clock::Real());
  const auto found = finder.FindPrimary(stop);
  if (!found.ok()) {
    looked->at_all = false;
    return report.Bad(std::string(found.status().message()));
  }
  const shard_discovery::ServerDescription& server = found->description;
  mongo::Client& client = *found->client;
  const bool shard = !replica_set.shard.empty();
  report.Good(
      fmt::format("{}{} of replica set {} is {}, MongoDB {}",
                  shard ? fmt::format("shard {}: ", replica_set.shard) : "",
                  client.server().ToString(), server.replica_set,
                  server.role == shard_discovery::ServerRole::kPrimary ? "the primary" : "a member",
                  server.version));
  if (const absl::Status oplog = CheckOplog(client, report); !oplog.ok()) {
    report.Bad("the oplog: " + std::string(Explain(oplog, config).message()));
  }
  if (const absl::Status collections =
          CheckCollections(config, client, server.replica_set, shard, report, looked);
      !collections.ok()) {
    looked->at_all = false;
    report.Bad("the collections: " + std::string(Explain(collections, config).message()));
  }
}

void CheckMongo(const config::Configuration& config, const std::stop_token& stop, Report& report) {
  shard_discovery::DeploymentFinder finder(config.mongo, base::Clock::Real());
  auto deployment = finder.Find(std::nullopt, stop);
  if (!deployment.ok()) return report.Bad(std::string(deployment.status().message()));
  topology::Assignment assignment(config.topology.assignment_count,
                                  config.topology.assignment_index);
  assignment.Take(&*deployment);
  if (assignment.count() > 1) {
    report.Good(
        fmt::format("process {} of {} captures {} of {} replica sets", assignment.index(),
                    assignment.count(), deployment->replica_sets.size(),
                    deployment->replica_sets.size() + assignment.elsewhere().replica_sets.size()));
  }
  for (const shard_discovery::ConfigServer& server : deployment->config_servers) {
    report.Good(fmt::format("{} of config server replica set {}, MongoDB {}, lists the shards",
                            server.member, server.replica_set, server.version));
  }
  Looked looked;
  for (const shard_discovery::ReplicaSet& replica_set : deployment->replica_sets) {
    CheckReplicaSet(config, replica_set, stop, report, &looked);
  }
  if (looked.captured || !looked.at_all || deployment->replica_sets.empty()) return;
  report.Warn(
      "After applying the include/exclude list filters, no changes will be captured. Please check "
      "your configuration!");
  const std::vector<std::string> others(looked.others.begin(), looked.others.end());
  for (const std::string& line : NearestNames(config.filter, others)) report.Detail(line);
}

}  // namespace

int Check(const ConfigurationFiles& files) {
  const SignalStop signals;
  absl::StatusOr<config::Configuration> config = LoadConfiguration(files);
  if (!config.ok()) return ReportFailure(config.status());
  if (const auto fields = filter::FieldFilter::Create(config->filter); !fields.ok()) {
    return ReportFailure(fields.status());
  }
  Report report;
  report.Good("the configuration is valid");
  if (const absl::Status resolved = mongo::ResolveSeeds(&config->mongo); !resolved.ok()) {
    report.Bad(std::string(resolved.message()));
  } else {
    CheckMongo(*config, signals.token(), report);
  }
  if (const absl::Status output = CheckOutput(*config, signals.token(), report); !output.ok()) {
    report.Bad(std::string(output.message()));
  } else {
    CheckOffsets(*config, report);
  }
  if (report.all_good()) return 0;
  return ReportFailure(absl::FailedPreconditionError("the check failed; see the lines above"));
}

}  // namespace shardtail::app
