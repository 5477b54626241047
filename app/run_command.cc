#include "app/run_command.h"

#include <fmt/ranges.h>

#include <memory>
#include <utility>

#include "app/brokers.h"
#include "app/explain.h"
#include "app/signals.h"
#include "app/whole_databases.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "encoding/json_encoder.h"
#include "encoding/metadata_json.h"
#include "filter/field_filter.h"
#include "filter/namespace_filter.h"
#include "mongo/client.h"
#include "mongo/connection_string.h"
#include "offsets/create_offset_store.h"
#include "pipeline/offset_committer.h"
#include "pipeline/replica_set_pipeline.h"
#include "pipeline/server_member.h"
#include "shard_discovery/privileges.h"
#include "shard_discovery/replica_set_finder.h"
#include "sink/create_sink.h"
#include "sink/sink_channels.h"
#include "snapshot/collection_list.h"
#include "topology/topology_manager.h"

namespace shardtail::app {
namespace {

// What has been sent must be delivered within this time after a stop request.
constexpr absl::Duration kDrainTimeout = absl::Seconds(8);

// A pipeline as the topology manager runs it.
class PipelineRunner : public topology::Runner {
 public:
  explicit PipelineRunner(std::unique_ptr<pipeline::ReplicaSetPipeline> pipeline)
      : pipeline_(std::move(pipeline)) {}

  const std::string& replica_set() const override { return pipeline_->replica_set(); }
  absl::Status Run(const std::stop_token& stop) override { return pipeline_->Run(stop); }
  absl::Status Drain(absl::Duration timeout) override { return pipeline_->Drain(timeout); }
  int64_t progress() const override {
    return pipeline_->tailer_metrics().entries.value() +
           pipeline_->metrics().snapshot_documents.value();
  }

 private:
  const std::unique_ptr<pipeline::ReplicaSetPipeline> pipeline_;
};

// What would end the capture sooner or later ends it before it begins: privileges that are missing,
// by name. That nothing is captured is said in Debezium's own words: users look for them.
absl::Status CheckSource(mongo::Client& client, const filter::Options& options,
                         const filter::NamespaceFilter& filter) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto collections,
                             snapshot::ListCollections(client, [&](const event::Namespace& ns) {
                               return filter.Accepts(ns);
                             }));
  SHARDTAIL_ASSIGN_OR_RETURN(const auto databases, WholeDatabases(client, options, filter));
  SHARDTAIL_ASSIGN_OR_RETURN(const auto missing,
                             shard_discovery::MissingPrivileges(client, collections, databases));
  if (!missing.empty()) {
    return absl::FailedPreconditionError(
        fmt::format("missing privileges:\n  {}", fmt::join(missing, "\n  ")));
  }
  if (collections.empty()) {
    base::LogWarn(
        "After applying the include/exclude list filters, no changes will be captured. Please "
        "check your configuration! (`shardtail check` tells which names come nearest)");
  }
  return absl::OkStatus();
}

absl::Status Capture(const config::Configuration& config, const std::stop_token& stop) {
  base::Clock& clock = base::Clock::Real();
  const filter::NamespaceFilter namespace_filter(config.filter);
  SHARDTAIL_ASSIGN_OR_RETURN(const filter::FieldFilter field_filter,
                             filter::FieldFilter::Create(config.filter));
  const encoding::JsonEncoder encoder(config.encoding);
  const encoding::MetadataJson metadata(config.encoding);

  // What is wrong from the start ends the process: nobody reads a log that says so every minute.
  SHARDTAIL_RETURN_IF_ERROR(CheckBrokers(config.sink, stop));
  SHARDTAIL_ASSIGN_OR_RETURN(const auto store,
                             offsets::CreateOffsetStore(config.offsets, config.sink.kafka));
  std::string replica_set;
  {
    shard_discovery::ReplicaSetFinder finder(config.mongo, config.mongo.seeds.front(), clock);
    SHARDTAIL_ASSIGN_OR_RETURN(const auto found, finder.FindPrimary(stop));
    replica_set = found.description.replica_set;
    SHARDTAIL_RETURN_IF_ERROR(CheckSource(*found.client, config.filter, namespace_filter));
  }

  sink::SinkChannels channels([&config](sink::DeliveryListener& listener) {
    return sink::CreateSink(config.sink, listener);
  });
  pipeline::OffsetCommitter committer(*store, config.offsets.flush_interval, clock);
  pipeline::PrimarySource members(config.mongo, config.mongo.seeds.front(), config.pipeline, clock);
  topology::TopologyManager manager(config.topology, clock);
  manager.Add(std::make_unique<PipelineRunner>(std::make_unique<pipeline::ReplicaSetPipeline>(
      pipeline::ReplicaSetPipeline::Parts{
          .members = members,
          .make_sink =
              [&channels](sink::DeliveryListener& listener) { return channels.Open(listener); },
          .store = *store,
          .committer = committer,
          .namespace_filter = namespace_filter,
          .field_filter = field_filter,
          .encoder = encoder,
          .metadata = metadata,
          .clock = clock},
      config.pipeline, replica_set)));
  const absl::Status failed = manager.Wait(stop);
  SHARDTAIL_RETURN_IF_ERROR(manager.Stop(kDrainTimeout));
  // Its reason stands in the log, with the replica set's name.
  if (!failed.ok()) return absl::AbortedError("no replica set is captured any more; see above");
  return absl::OkStatus();
}

}  // namespace

int Run(const ConfigurationFiles& files) {
  const SignalStop signals;
  absl::StatusOr<config::Configuration> config = LoadConfiguration(files);
  if (!config.ok()) return ReportFailure(config.status());
  if (const absl::Status resolved = mongo::ResolveSeeds(&config->mongo); !resolved.ok()) {
    return ReportFailure(resolved);
  }
  const absl::Status ended = Capture(*config, signals.token());
  if (ended.code() == absl::StatusCode::kCancelled) return 0;
  if (!ended.ok()) return ReportFailure(Explain(ended, *config));
  base::LogInfo("stopped; everything that was sent is delivered, and the offset is stored");
  return 0;
}

}  // namespace shardtail::app
