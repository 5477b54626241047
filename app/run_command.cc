#include "app/run_command.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "app/brokers.h"
#include "app/explain.h"
#include "app/reloader.h"
#include "app/signals.h"
#include "app/whole_databases.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "encoding/json_encoder.h"
#include "encoding/metadata_json.h"
#include "filter/field_filter.h"
#include "filter/namespace_filter.h"
#include "http/server.h"
#include "kafka/producer_defaults.h"
#include "kafka/property_map.h"
#include "mongo/client.h"
#include "mongo/connection_string.h"
#include "monitoring/monitor.h"
#include "offsets/consistent_start.h"
#include "offsets/create_offset_store.h"
#include "pipeline/offset_committer.h"
#include "pipeline/replica_set_pipeline.h"
#include "pipeline/server_member.h"
#include "pipeline/server_probe.h"
#include "pipeline/shard_order.h"
#include "pipeline/signal_post.h"
#include "shard_discovery/deployment_finder.h"
#include "shard_discovery/privileges.h"
#include "shard_discovery/replica_set_finder.h"
#include "signals/signal_file.h"
#include "signals/signal_topic.h"
#include "sink/create_sink.h"
#include "sink/sink_channels.h"
#include "snapshot/collection_list.h"
#include "topology/assignment.h"
#include "topology/shard_watch.h"
#include "topology/topology_manager.h"

namespace shardtail::app {
namespace {

// What has been sent must be delivered within this time after a stop request.
constexpr absl::Duration kDrainTimeout = absl::Seconds(8);

// A replica set's pipeline with what only it uses, as the topology manager runs it.
class PipelineRunner : public topology::Runner {
 public:
  using Make = absl::FunctionRef<std::unique_ptr<pipeline::ReplicaSetPipeline>(
      pipeline::MemberSource& members)>;
  // Asked before the first run: whether the replica set can be captured.
  using Check = std::function<absl::Status(const std::stop_token& stop)>;

  PipelineRunner(std::unique_ptr<pipeline::PrimarySource> members, Check check, Make make)
      : members_(std::move(members)), check_(std::move(check)), pipeline_(make(*members_)) {}

  const std::string& replica_set() const override { return pipeline_->replica_set(); }
  absl::Status Run(const std::stop_token& stop) override {
    if (!checked_) SHARDTAIL_RETURN_IF_ERROR(check_(stop));
    checked_ = true;
    return pipeline_->Run(stop);
  }
  absl::Status Drain(absl::Duration timeout) override { return pipeline_->Drain(timeout); }
  int64_t progress() const override {
    return pipeline_->tailer_metrics().entries.value() +
           pipeline_->metrics().snapshot_documents.value();
  }
  const metrics::ReplicaSetMetrics& metrics() const override { return pipeline_->all_metrics(); }
  void Update(const shard_discovery::ReplicaSet& replica_set) override {
    members_->SetSeeds(replica_set.seeds.hosts);
    pipeline_->SetFinishing(false);
  }
  void Finish() override { pipeline_->SetFinishing(true); }
  void Leave() override {
    if (pipeline_->order() != nullptr) pipeline_->order()->seat().SetAbsent(true);
  }

 private:
  const std::unique_ptr<pipeline::PrimarySource> members_;
  const Check check_;
  bool checked_ = false;
  const std::unique_ptr<pipeline::ReplicaSetPipeline> pipeline_;
};

// The config servers' place among the shards that wait for each other: they have passed a time when
// every shard that was added before it is captured.
class ShardListProbe : public pipeline::ShardProbe {
 public:
  void Attach(topology::ShardWatch* watch, pipeline::ShardOrder::Seat* seat) {
    watch_ = watch;
    seat_ = seat;
  }
  absl::Status Advance(const mongo::ClusterTime& after, const std::stop_token& stop) override {
    SHARDTAIL_RETURN_IF_ERROR(watch_->Look(after, stop));
    seat_->Pass(after.time);
    return absl::OkStatus();
  }
  absl::StatusOr<pipeline::TransactionPart> FindPart(const event::SessionTransaction& /*of*/,
                                                     const mongo::ClusterTime& /*after*/,
                                                     const std::stop_token& /*stop*/) override {
    return pipeline::TransactionPart();
  }

 private:
  topology::ShardWatch* watch_ = nullptr;
  pipeline::ShardOrder::Seat* seat_ = nullptr;
};

// Says once that nothing is captured, in Debezium's own words: users look for them. Thread-safe.
class NothingCaptured {
 public:
  // Those that are there at the start: one that comes later may well be empty.
  explicit NothingCaptured(const std::vector<shard_discovery::ReplicaSet>& replica_sets) {
    for (const shard_discovery::ReplicaSet& each : replica_sets) unknown_.insert(each.name);
  }

  // When all are known and none has a collection that is captured, it is said.
  void Learn(const std::string& replica_set, bool has_captured) {
    const std::lock_guard lock(mutex_);
    found_ = found_ || has_captured;
    if (unknown_.erase(replica_set) == 0 || !unknown_.empty() || found_) return;
    base::LogWarn(
        "After applying the include/exclude list filters, no changes will be captured. Please "
        "check your configuration! (`shardtail check` tells which names come nearest)");
  }

 private:
  std::mutex mutex_;  // guards both
  std::set<std::string> unknown_;
  bool found_ = false;
};

// What would end the capture sooner or later ends it before it begins: privileges that are missing,
// by name. Whether any collection of the replica set is captured.
absl::StatusOr<bool> CheckSource(mongo::Client& client, const config::Configuration& config,
                                 const filter::NamespaceFilter& filter, bool shard) {
  const bool to_copy = config.pipeline.snapshot_mode != pipeline::SnapshotMode::kNever;
  SHARDTAIL_ASSIGN_OR_RETURN(const auto collections,
                             snapshot::ListCollections(client, [&](const event::Namespace& ns) {
                               return filter.Accepts(ns);
                             }));
  SHARDTAIL_ASSIGN_OR_RETURN(const auto databases, WholeDatabases(client, config.filter, filter));
  SHARDTAIL_ASSIGN_OR_RETURN(
      auto missing, shard_discovery::MissingPrivileges(client, collections, databases, to_copy));
  if (shard) {
    SHARDTAIL_ASSIGN_OR_RETURN(const auto more, shard_discovery::MissingOnShard(client));
    missing.insert(missing.end(), more.begin(), more.end());
  }
  if (!missing.empty()) {
    return absl::FailedPreconditionError(fmt::format(
        "missing privileges on {}:\n  {}", client.server().ToString(), fmt::join(missing, "\n  ")));
  }
  return !collections.empty();
}

// What every replica set's capture shares.
struct Shared {
  const config::Configuration& config;
  const filter::NamespaceFilter& namespace_filter;
  const filter::FieldFilter& field_filter;
  const encoding::JsonEncoder& encoder;
  const encoding::MetadataJson& metadata;
  offsets::OffsetStore& store;
  pipeline::OffsetCommitter& committer;
  std::span<const std::unique_ptr<sink::SinkChannels>> channels;  // a replica set's by its number
  pipeline::ShardOrder& order;
  NothingCaptured& nothing_captured;
  pipeline::SignalPost& signals;
  base::Clock& clock;
};

// The channels of signals that have threads of their own.
struct SignalChannels {
  std::unique_ptr<signals::SignalTopic> topic;
  std::unique_ptr<signals::SignalFile> file;
};

kafka::Options OfSignalTopic(const config::Configuration& config) {
  kafka::Options options{.bootstrap_servers = config.signals.bootstrap_servers,
                         .common = config.sink.kafka.common,
                         .producer = {},
                         .producer_override = {}};
  for (const auto& [name, value] : config.signals.consumer) options.common[name] = value;
  return options;
}

absl::StatusOr<SignalChannels> OpenSignalChannels(const Shared& shared) {
  const signals::Options& options = shared.config.signals;
  const auto deliver = [&shared](const signals::Signal& signal) {
    return shared.signals.Deliver(signal);
  };
  const auto refuse = [&shared](const absl::Status& why) { shared.signals.Refuse(why); };
  SignalChannels channels;
  if (options.from_topic) {
    SHARDTAIL_ASSIGN_OR_RETURN(
        channels.topic,
        signals::SignalTopic::Create({.topic = options.topic,
                                      .group = options.group,
                                      .logical_name = shared.config.encoding.logical_name,
                                      .poll_timeout = options.poll_timeout,
                                      .kafka = OfSignalTopic(shared.config)},
                                     deliver, refuse));
  }
  if (options.from_file) {
    channels.file = std::make_unique<signals::SignalFile>(options.file, options.poll_interval,
                                                          deliver, shared.clock, refuse);
  }
  return channels;
}

absl::Status CheckReplicaSet(const Shared& shared, const shard_discovery::ReplicaSet& replica_set,
                             const std::stop_token& stop) {
  shard_discovery::ReplicaSetFinder finder(shared.config.mongo, replica_set.seeds, shared.clock);
  SHARDTAIL_ASSIGN_OR_RETURN(const auto found, finder.FindPrimary(stop));
  SHARDTAIL_ASSIGN_OR_RETURN(const bool has_captured,
                             CheckSource(*found.client, shared.config, shared.namespace_filter,
                                         !replica_set.shard.empty()));
  shared.nothing_captured.Learn(replica_set.name, has_captured);
  return absl::OkStatus();
}

// The same channels whenever `replica_set` opens a sink, so that what it sent last cannot overtake
// what it sends again. `number` is its place in the list.
std::unique_ptr<topology::Runner> MakeRunner(const Shared& shared,
                                             const shard_discovery::ReplicaSet& replica_set,
                                             size_t number, pipeline::PipelineStart start) {
  sink::SinkChannels& channels = *shared.channels[number % shared.channels.size()];
  const config::Configuration& config = shared.config;
  pipeline::Options options = config.pipeline;
  options.shard = !replica_set.shard.empty();
  std::unique_ptr<pipeline::CrossShardOrder> order;
  if (options.shard) {
    order = std::make_unique<pipeline::CrossShardOrder>(
        replica_set.shard,
        shared.order.Join(replica_set.name, std::make_unique<pipeline::ServerProbe>(
                                                config.mongo, replica_set.seeds, shared.clock)));
  }
  if (config.signals.from_collection) options.signal_collection = config.signals.collection;
  return std::make_unique<PipelineRunner>(
      std::make_unique<pipeline::PrimarySource>(config.mongo, replica_set.seeds, options,
                                                shared.clock),
      [&shared, replica_set](const std::stop_token& stop) {
        return CheckReplicaSet(shared, replica_set, stop);
      },
      [&](pipeline::MemberSource& members) {
        return std::make_unique<pipeline::ReplicaSetPipeline>(
            pipeline::ReplicaSetPipeline::Parts{.members = members,
                                                .make_sink =
                                                    [&channels](sink::DeliveryListener& listener) {
                                                      return channels.Open(listener);
                                                    },
                                                .store = shared.store,
                                                .committer = shared.committer,
                                                .namespace_filter = shared.namespace_filter,
                                                .field_filter = shared.field_filter,
                                                .encoder = shared.encoder,
                                                .metadata = shared.metadata,
                                                .clock = shared.clock,
                                                .signals = shared.signals},
            options, replica_set.name, start, std::move(order));
      });
}

std::map<std::string, bson::Timestamp> ShardsThatStartEarlier(
    const shard_discovery::Deployment& deployment,
    const std::map<std::string, offsets::StoredOffset>& stored) {
  std::map<std::string, offsets::StoredOffset> shards;
  for (const shard_discovery::ReplicaSet& replica_set : deployment.replica_sets) {
    const auto found = stored.find(replica_set.name);
    if (!replica_set.shard.empty() && found != stored.end()) shards.insert(*found);
  }
  return offsets::ShardsToStartEarlier(shards);
}

// The most that may wait in the producers' queues together, see kafka/producer_defaults.h.
int64_t QueueBytes(const kafka::Options& options) {
  int64_t bytes = kafka::kQueueBytes;
  for (const kafka::Properties* properties : {&options.producer, &options.producer_override}) {
    const auto given = properties->find("buffer.memory");
    if (given == properties->end()) continue;
    const std::string& text = given->second;
    std::from_chars(text.data(), text.data() + text.size(), bytes);
  }
  return std::max<int64_t>(bytes, 1);
}

// Two producers, with half of the queue each, where several replica sets are given: one is a limit
// before the cores are (docs/decisions/0017). But shards share one: it keeps the order of events of
// the same document (0013).
std::vector<std::unique_ptr<sink::SinkChannels>> MakeChannels(
    const sink::Options& options, const shard_discovery::Deployment& deployment) {
  const bool two = options.type == sink::Type::kKafka && !deployment.sharded &&
                   deployment.replica_sets.size() > 1;
  sink::Options each = options;
  if (two) {
    each.kafka.producer_override["buffer.memory"] =
        std::to_string(std::max<int64_t>(QueueBytes(options.kafka) / 2, 1));
  }
  std::vector<std::unique_ptr<sink::SinkChannels>> channels(two ? 2 : 1);
  for (auto& one : channels) {
    one = std::make_unique<sink::SinkChannels>(
        [each](sink::DeliveryListener& listener) { return sink::CreateSink(each, listener); });
  }
  return channels;
}

// What several processes that share one cluster's shards give up is said wherever it begins.
void TellOfAssignment(const topology::Assignment& assignment,
                      const shard_discovery::Deployment& ours) {
  if (assignment.count() == 1) return;
  const auto elsewhere = assignment.elsewhere().replica_sets;
  std::vector<std::string> names;
  for (const shard_discovery::ReplicaSet& replica_set : ours.replica_sets) {
    names.push_back(replica_set.name);
  }
  base::LogInfo("process {} of {} captures {}; others capture {}", assignment.index(),
                assignment.count(),
                names.empty() ? "none yet" : fmt::format("{}", fmt::join(names, ", ")),
                elsewhere.empty() ? "none yet" : fmt::format("{}", fmt::join(elsewhere, ", ")));
  if (!ours.sharded) return;
  base::LogWarn(
      "shard.assignment.count is {} in a sharded cluster: between shards of two processes a "
      "document's events keep no order when its chunk moves, nor when a transaction of several "
      "shards changes its shard key; where that matters, let one process capture the cluster",
      assignment.count());
}

// Whether a replica set that another process captures is being copied, as far as its offset tells.
bool CopiesElsewhere(const std::set<std::string>& elsewhere,
                     const std::map<std::string, offsets::StoredOffset>& stored) {
  return std::ranges::any_of(elsewhere, [&](const std::string& replica_set) {
    const auto offset = stored.find(replica_set);
    return offset == stored.end() || offset->second.initsync;
  });
}

absl::Status Capture(const config::Configuration& config, monitoring::Monitor& monitor,
                     const std::stop_token& stop) {
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
  SHARDTAIL_ASSIGN_OR_RETURN(const auto stored, store->LoadAll(stop));
  shard_discovery::DeploymentFinder finder(config.mongo, clock);
  topology::Assignment assignment(config.topology.assignment_count,
                                  config.topology.assignment_index);
  SHARDTAIL_ASSIGN_OR_RETURN(shard_discovery::Deployment deployment,
                             finder.Find(std::nullopt, stop));
  assignment.Take(&deployment);
  TellOfAssignment(assignment, deployment);

  const auto channels = MakeChannels(config.sink, deployment);
  pipeline::OffsetCommitter committer(*store, config.offsets.flush_interval, clock);
  pipeline::ShardOrder order;
  const auto elsewhere = assignment.elsewhere().replica_sets;
  order.SetElsewhere(elsewhere, CopiesElsewhere(elsewhere, stored));
  NothingCaptured nothing_captured(deployment.replica_sets);
  pipeline::SignalPost signals(*store, clock);
  const Shared shared{.config = config,
                      .namespace_filter = namespace_filter,
                      .field_filter = field_filter,
                      .encoder = encoder,
                      .metadata = metadata,
                      .store = *store,
                      .committer = committer,
                      .channels = channels,
                      .order = order,
                      .nothing_captured = nothing_captured,
                      .signals = signals,
                      .clock = clock};
  // One replica set alone: what is wrong with it ends the process at once, too.
  if (deployment.replica_sets.size() == 1 && assignment.count() == 1) {
    SHARDTAIL_RETURN_IF_ERROR(CheckReplicaSet(shared, deployment.replica_sets.front(), stop));
  }
  if (config.signals.from_topic) {
    SHARDTAIL_RETURN_IF_ERROR(kafka::CheckOptions(OfSignalTopic(config)).status());
  }
  topology::TopologyManager manager(config.topology, clock);
  monitor.Watch(&manager, &assignment);
  const absl::Cleanup unwatch = [&monitor] { monitor.Watch(nullptr); };
  const auto starts_earlier = ShardsThatStartEarlier(deployment, stored);
  // A replica set that comes while others are captured already, or were before, is a new one. What
  // other processes captured does not tell: at the first start of all, one is the first.
  bool later = std::ranges::any_of(
      stored, [&](const auto& offset) { return assignment.Holds(offset.first); });
  topology::ShardWatch watch(
      manager,
      [&](const std::optional<mongo::ClusterTime>& after,
          const std::stop_token& asked) -> absl::StatusOr<shard_discovery::Deployment> {
        SHARDTAIL_ASSIGN_OR_RETURN(shard_discovery::Deployment found, finder.Find(after, asked));
        assignment.Take(&found);
        order.SetElsewhere(assignment.elsewhere().replica_sets, /*copying=*/false);
        return found;
      },
      [&](const shard_discovery::ReplicaSet& replica_set) {
        pipeline::PipelineStart start;
        if (later) start.beginning = pipeline::Beginning::kLater;
        const auto earlier = starts_earlier.find(replica_set.name);
        if (earlier != starts_earlier.end()) start.no_later_than = earlier->second;
        const auto own = stored.find(replica_set.name);
        start.copied = later && (own == stored.end() || !own->second.initsync) &&
                       config.pipeline.snapshot_mode != pipeline::SnapshotMode::kAlways;
        const auto place = std::ranges::find(deployment.replica_sets, replica_set.name,
                                             &shard_discovery::ReplicaSet::name);
        return MakeRunner(shared, replica_set,
                          static_cast<size_t>(place - deployment.replica_sets.begin()), start);
      },
      config.topology.poll_interval, clock);
  auto probe = std::make_unique<ShardListProbe>();
  ShardListProbe& list_probe = *probe;
  std::unique_ptr<pipeline::ShardOrder::Seat> list_seat;
  if (deployment.sharded) {
    list_seat = order.Join("config.shards", std::move(probe));
    list_probe.Attach(&watch, list_seat.get());
  }
  watch.Apply(deployment);
  later = true;
  if (deployment.sharded) watch.Start();
  // When all have joined who are to get the signals.
  SHARDTAIL_ASSIGN_OR_RETURN(SignalChannels signal_channels, OpenSignalChannels(shared));
  // The shards of this process may all be gone, or still to come.
  const bool more_may_come = (deployment.sharded || assignment.count() > 1) &&
                             config.pipeline.snapshot_mode != pipeline::SnapshotMode::kInitialOnly;
  const absl::Status failed = manager.Wait(stop, more_may_come);
  signal_channels = {};
  list_seat.reset();
  watch.Stop();
  SHARDTAIL_RETURN_IF_ERROR(manager.Stop(kDrainTimeout));
  // Its reason stands in the log, with the replica set's name.
  if (!failed.ok()) return absl::AbortedError("no replica set is captured any more; see above");
  return absl::OkStatus();
}

// Whether a capture with this configuration would begin: see Reloader. A replica set that cannot be
// reached now is left out: it may be so with the running configuration too.
absl::Status TryOut(const config::Configuration& given, const std::stop_token& stop) {
  config::Configuration config = given;
  SHARDTAIL_RETURN_IF_ERROR(mongo::ResolveSeeds(&config.mongo));
  SHARDTAIL_RETURN_IF_ERROR(filter::FieldFilter::Create(config.filter).status());
  SHARDTAIL_RETURN_IF_ERROR(CheckBrokers(config.sink, stop));
  base::Clock& clock = base::Clock::Real();
  const filter::NamespaceFilter namespace_filter(config.filter);
  shard_discovery::DeploymentFinder finder(config.mongo, clock);
  auto deployment = finder.Find(std::nullopt, stop);
  if (!deployment.ok()) return Explain(deployment.status(), config);
  topology::Assignment(config.topology.assignment_count, config.topology.assignment_index)
      .Take(&*deployment);
  for (const shard_discovery::ReplicaSet& replica_set : deployment->replica_sets) {
    shard_discovery::ReplicaSetFinder members(config.mongo, replica_set.seeds, clock);
    const auto found = members.FindPrimary(stop);
    if (absl::IsUnavailable(found.status()) || absl::IsDeadlineExceeded(found.status())) continue;
    if (!found.ok()) return Explain(found.status(), config);
    const auto checked =
        CheckSource(*found->client, config, namespace_filter, !replica_set.shard.empty());
    if (!checked.ok()) return Explain(checked.status(), config);
  }
  return absl::OkStatus();
}

// Captures, also with what is reloaded, until a stop signal or a failure for good.
absl::Status CaptureAndReload(const ConfigurationFiles& files, config::Configuration& config,
                              monitoring::Monitor& monitor, SignalStop& signals) {
  Reloader reloader(signals, files, config, TryOut);
  while (true) {
    absl::Status ended = Capture(config, monitor, reloader.NextRun());
    if (!reloader.Take()) return ended;
    if (!ended.ok() && !absl::IsCancelled(ended)) {
      base::LogWarn("before the new configuration: {}", std::string(ended.message()));
    }
    SHARDTAIL_RETURN_IF_ERROR(mongo::ResolveSeeds(&config.mongo));
  }
}

}  // namespace

int Run(const ConfigurationFiles& files) {
  SignalStop signals(SignalStop::Hangup::kReloads);
  absl::StatusOr<config::Configuration> config = LoadConfiguration(files);
  if (!config.ok()) return ReportFailure(config.status());
  if (const absl::Status resolved = mongo::ResolveSeeds(&config->mongo); !resolved.ok()) {
    return ReportFailure(resolved);
  }
  // First, so that it tells of the start too, and a taken port ends the process at once.
  config->monitoring.queue_bytes = QueueBytes(config->sink.kafka);
  monitoring::Monitor monitor(config->monitoring, base::Clock::Real());
  std::unique_ptr<http::Server> server;
  if (config->http.port >= 0) {
    auto started = http::Server::Start(
        config->http, [&monitor](const http::Request& request) { return monitor.Handle(request); });
    if (!started.ok()) return ReportFailure(started.status());
    server = *std::move(started);
    base::LogInfo("metrics, health and status on {}", server->url());
  }
  const absl::Status ended = CaptureAndReload(files, *config, monitor, signals);
  if (ended.code() == absl::StatusCode::kCancelled) return 0;
  if (!ended.ok()) return ReportFailure(Explain(ended, *config));
  base::LogInfo("stopped; everything that was sent is delivered, and the offset is stored");
  return 0;
}

}  // namespace shardtail::app
