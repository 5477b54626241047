#include <array>
#include <utility>

#include "monitoring/health.h"
#include "monitoring/metric_groups.h"

namespace shardtail::monitoring {
namespace {

using metrics::OperationCounters;
using topology::State;

constexpr double kMillisecond = 0.001;

constexpr std::array<std::pair<State, const char*>, 5> kStates = {{{State::kRunning, "running"},
                                                                   {State::kWaiting, "waiting"},
                                                                   {State::kFailed, "failed"},
                                                                   {State::kStopped, "stopped"},
                                                                   {State::kFinished, "finished"}}};

constexpr std::array<const char*, 7> kReasons = {
    "unavailable", "timeout", "position_lost", "undecodable", "refused", "configuration", "other"};

size_t ReasonOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
      return 0;
    case absl::StatusCode::kDeadlineExceeded:
      return 1;
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kAborted:
      return 2;
    case absl::StatusCode::kDataLoss:
      return 3;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return 4;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
      return 5;
    default:
      return 6;
  }
}

// Adds one replica set's.
class Adder {
 public:
  Adder(const View& view, Families& to)
      : labels_{{"replica_set", view.status.replica_set}}, to_(to) {}

  void Counter(std::string_view name, std::string_view help, const metrics::Counter& counter) {
    to_.Counter(name, help, labels_, static_cast<double>(counter.value()));
  }
  void Gauge(std::string_view name, std::string_view help, double value) {
    to_.Gauge(name, help, labels_, value);
  }
  void Histogram(std::string_view name, std::string_view help, const metrics::Histogram& histogram,
                 double unit) {
    to_.Histogram(name, help, labels_, histogram, unit);
  }
  // By operation: the sum of the given ones.
  void Operations(std::string_view name, std::string_view help,
                  std::initializer_list<const OperationCounters*> counters) {
    constexpr std::array<std::pair<const char*, metrics::Counter OperationCounters::*>, 4> kAll = {
        {{"read", &OperationCounters::reads},
         {"create", &OperationCounters::creates},
         {"update", &OperationCounters::updates},
         {"delete", &OperationCounters::deletes}}};
    for (const auto& [operation, counter] : kAll) {
      int64_t sum = 0;
      for (const OperationCounters* of : counters) sum += (of->*counter).value();
      to_.Counter(name, help, With("operation", operation), static_cast<double>(sum));
    }
  }
  Families::Labels With(const char* label, const char* value) const {
    Families::Labels labels = labels_;
    labels.emplace_back(label, value);
    return labels;
  }

 private:
  const Families::Labels labels_;
  Families& to_;
};

void AddState(const View& view, Families& to) {
  Adder add(view, to);
  for (const auto& [state, name] : kStates) {
    to.Gauge("shardtail_replica_set_state", "1 for the state that the replica set is in.",
             add.With("state", name), view.status.state == state ? 1 : 0);
  }
  std::array<int64_t, kReasons.size()> failures{};
  for (const auto& [code, count] : view.status.failures) failures[ReasonOf(code)] += count;
  for (size_t i = 0; i < kReasons.size(); ++i) {
    to.Counter("shardtail_interruptions_total",
               "Runs of the capture that ended with an error; each but a last one is followed by a "
               "restart.",
               add.With("reason", kReasons[i]), static_cast<double>(failures[i]));
  }
  add.Gauge("shardtail_without_progress_seconds",
            "Time since an oplog entry was read or a document copied.",
            absl::ToDoubleSeconds(view.progress.still));
}

void AddEvents(const View& view, Families& to) {
  Adder add(view, to);
  const metrics::PipelineMetrics& pipeline = view.counted.pipeline;
  add.Operations("shardtail_events_read_total", "Events read: sent, filtered and failed ones.",
                 {&pipeline.sent, &pipeline.filtered, &pipeline.failed});
  add.Operations("shardtail_events_sent_total", "Events handed to the sink.", {&pipeline.sent});
  add.Operations("shardtail_events_filtered_total", "Events that a filter dropped.",
                 {&pipeline.filtered});
  add.Operations("shardtail_events_failed_total", "Events that could not be made a record.",
                 {&pipeline.failed});
  add.Counter("shardtail_entries_skipped_total",
              "Entries or events passed over, as event.processing.failure.handling.mode says.",
              pipeline.skipped);
  add.Counter("shardtail_positions_lost_total",
              "Positions that the oplog did not hold any more, or that were rolled back.",
              pipeline.positions_lost);
  add.Counter("shardtail_events_in_snapshot_total",
              "Changes that made no record, as a copy that runs inside the stream holds them.",
              pipeline.in_snapshot);
  add.Counter("shardtail_records_sent_total",
              "Records handed to the sink: events, tombstones, heartbeats, transaction metadata.",
              pipeline.sent_records);
  add.Counter("shardtail_tombstones_sent_total", "Tombstones handed to the sink.",
              pipeline.tombstones);
  add.Counter("shardtail_record_bytes_sent_total", "Keys and values of these records.",
              pipeline.sent_bytes);
  add.Counter("shardtail_records_acknowledged_total", "Records that are stored durably.",
              pipeline.acknowledged_records);
  add.Counter("shardtail_records_failed_total",
              "Records that the sink gave up; the capture begins again before them.",
              pipeline.failed_records);
  add.Gauge("shardtail_unacknowledged_records", "Records sent and not acknowledged.",
            static_cast<double>(pipeline.unacknowledged_records.value()));
  add.Gauge("shardtail_unacknowledged_bytes", "Their keys and values.",
            static_cast<double>(pipeline.unacknowledged_bytes.value()));
  add.Histogram("shardtail_acknowledge_latency_seconds",
                "From the server's write to the acknowledgement of it and all before it, sampled.",
                pipeline.acknowledge_latency, kMillisecond);
  add.Counter("shardtail_signals_total", "Signals that it did what they ask for.",
              pipeline.signals);
  add.Counter("shardtail_signals_refused_total",
              "Signals of the signal collection that could not be read.", pipeline.signals_refused);
  add.Counter("shardtail_shard_waits_total",
              "Waits for another shard, so that a document's events keep their order.",
              pipeline.shard_waits);
  add.Counter("shardtail_shard_wait_circles_total",
              "Of them: given up, as shards waited for each other.", pipeline.shard_ties);
}

void AddOplog(const View& view, Families& to) {
  Adder add(view, to);
  const metrics::TailerMetrics& tailer = view.counted.tailer;
  add.Counter("shardtail_oplog_entries_read_total", "Oplog entries read.", tailer.entries);
  add.Counter("shardtail_oplog_bytes_read_total", "Their size.", tailer.bytes);
  add.Counter("shardtail_oplog_noops_total", "Of them: no-ops.", tailer.noops);
  add.Counter("shardtail_oplog_commands_total", "Of them: commands that make no event.",
              tailer.commands);
  add.Counter("shardtail_oplog_migrations_total", "Of them: what a chunk's migration wrote.",
              tailer.migrations);
  add.Counter("shardtail_elections_total", "Elections of a primary.", tailer.elections);
  add.Counter("shardtail_transactions_total", "Transactions that were committed.",
              tailer.transactions);
  add.Counter("shardtail_transactions_aborted_total", "Prepared ones that were aborted.",
              tailer.aborted_transactions);
  add.Histogram("shardtail_transaction_operations", "Operations in a committed transaction.",
                tailer.transaction_operations, 1);
  add.Counter("shardtail_renames_into_captured_total",
              "Collections renamed to a captured name, whose documents make no events.",
              tailer.renames_into_captured);
  add.Histogram("shardtail_read_latency_seconds", "From the server's write to our reading.",
                tailer.read_latency, kMillisecond);
  if (view.lag.has_value()) {
    add.Gauge("shardtail_lag_seconds", "How far the capture is behind the server.",
              absl::ToDoubleSeconds(*view.lag));
    add.Gauge("shardtail_position_timestamp_seconds", "The time of the last entry handled.",
              static_cast<double>(tailer.position_seconds.value()));
  }
  if (tailer.oplog_window_seconds.value() > 0) {
    add.Gauge("shardtail_oplog_window_seconds", "How far back the oplog reaches.",
              static_cast<double>(tailer.oplog_window_seconds.value()));
    add.Gauge("shardtail_oplog_window_left_seconds", "How much of it is behind the position.",
              static_cast<double>(tailer.oplog_window_left_seconds.value()));
    add.Gauge("shardtail_oplog_window_left_ratio", "The same, of 1; 0: about to be lost.",
              static_cast<double>(tailer.oplog_window_left_percent.value()) / 100);
  }
}

void AddSnapshot(const View& view, int64_t now, Families& to) {
  Adder add(view, to);
  add.Gauge("shardtail_snapshot_running", "1 while a copy runs.",
            view.snapshot.state == metrics::SnapshotState::kRunning ? 1 : 0);
  add.Counter("shardtail_snapshot_documents_total", "Documents copied since the start.",
              view.counted.pipeline.snapshot_documents);
  add.Gauge("shardtail_snapshot_collections", "Collections of the last copy.",
            static_cast<double>(view.snapshot.collections));
  add.Gauge("shardtail_snapshot_remaining_collections", "Of them: not copied yet.",
            static_cast<double>(view.snapshot.remaining));
  add.Gauge("shardtail_snapshot_duration_seconds", "How long the last copy took so far.",
            absl::ToDoubleSeconds(CopyTime(view.snapshot, now)));
}

}  // namespace

void AddOwnMetrics(const Views& views, const Share& share, const Options& options, int64_t now,
                   Families& to) {
  to.Gauge("shardtail_build_info", "Always 1.",
           {{"version", SHARDTAIL_VERSION}, {"name", options.name}}, 1);
  to.Gauge("shardtail_replica_sets", "Replica sets that are captured, or were.", {},
           static_cast<double>(views.size()));
  to.Gauge("shardtail_replica_sets_elsewhere", "Replica sets that other processes capture.", {},
           static_cast<double>(share.elsewhere.size()));
  to.Gauge("shardtail_assignment_count", "Processes that share the replica sets.", {}, share.count);
  to.Gauge("shardtail_assignment_index", "Which of them this one is, from 0.", {}, share.index);
  for (const View& view : views) {
    AddState(view, to);
    AddEvents(view, to);
    AddOplog(view, to);
    AddSnapshot(view, now, to);
  }
}

}  // namespace shardtail::monitoring
