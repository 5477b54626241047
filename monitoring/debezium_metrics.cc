#include <algorithm>
#include <functional>

#include "monitoring/metric_groups.h"

namespace shardtail::monitoring {
namespace {

using metrics::SnapshotState;
using topology::State;

// Debezium's max.queue.size: the queue here is bounded by bytes, so its room is given as a share of
// that many events.
constexpr int64_t kQueueCapacity = 8192;

// More collections than that have no RowsScanned of their own.
constexpr int64_t kMostTables = 2000;

constexpr double kNone = -1;

int64_t Disconnects(const topology::ReplicaSetStatus& status) {
  int64_t disconnects = 0;
  for (const auto& [code, count] : status.failures) {
    if (code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded) {
      disconnects += count;
    }
  }
  return disconnects;
}

int64_t Sum(const Views& views, const std::function<int64_t(const View&)>& of) {
  int64_t sum = 0;
  for (const View& view : views) sum += of(view);
  return sum;
}

double SinceLast(const Views& views, absl::Duration ProgressWatch::Progress::*since) {
  absl::Duration least = absl::InfiniteDuration();
  for (const View& view : views) least = std::min(least, view.progress.*since);
  return least == absl::InfiniteDuration() ? kNone : absl::ToDoubleMilliseconds(least);
}

class Context {
 public:
  Context(const Options& options, std::string context, Families& to)
      : labels_{{"name", options.name}, {"context", std::move(context)}, {"plugin", "mongodb"}},
        to_(to) {}

  void Add(const std::string& attribute, std::string_view help, double value) const {
    to_.Untyped("debezium_metrics_" + attribute, help, labels_, value);
  }
  void Add(const std::string& attribute, std::string_view help, int64_t value) const {
    Add(attribute, help, static_cast<double>(value));
  }
  void AddTable(const std::string& table, int64_t documents) const {
    Families::Labels labels = labels_;
    labels.emplace_back("table", table);
    to_.Untyped("debezium_metrics_RowsScanned", "Documents copied by the snapshot.", labels,
                static_cast<double>(documents));
  }

 private:
  const Families::Labels labels_;
  Families& to_;
};

void AddCommon(const Views& views, const Options& options, const Context& to) {
  const int64_t used = std::min(options.queue_bytes, Sum(views, [](const View& view) {
                                  return view.counted.pipeline.unacknowledged_bytes.value();
                                }));
  const double free = 1 - static_cast<double>(used) / static_cast<double>(options.queue_bytes);
  to.Add("QueueTotalCapacity", "The queue to Kafka, in events.", kQueueCapacity);
  to.Add("QueueRemainingCapacity", "The room left in it.",
         static_cast<int64_t>(free * static_cast<double>(kQueueCapacity)));
  to.Add("NumberOfDisconnects", "Disconnects from MongoDB.",
         Sum(views, [](const View& view) { return Disconnects(view.status); }));
}

void AddEvents(const Context& to, int64_t sent, int64_t filtered, int64_t failed,
               double since_last) {
  to.Add("TotalNumberOfEventsSeen", "Events seen since the start.", sent + filtered + failed);
  to.Add("NumberOfEventsFiltered", "Events that a filter dropped.", filtered);
  to.Add("NumberOfErroneousEvents", "Events that could not be made a record.", failed);
  to.Add("MilliSecondsSinceLastEvent", "Milliseconds since the last event; -1: none yet.",
         since_last);
}

int64_t Changes(const metrics::OperationCounters& counters) {
  return counters.creates.value() + counters.updates.value() + counters.deletes.value();
}

void AddStreaming(const Views& views, const Options& options, Families& families) {
  const Context to(options, "streaming", families);
  bool connected = !views.empty();
  double behind = kNone;
  for (const View& view : views) {
    if (view.status.state == State::kFinished) continue;
    connected =
        connected && view.status.state == State::kRunning &&
        view.counted.pipeline.phase.value() != static_cast<int64_t>(metrics::Phase::kConnecting);
    if (view.lag.has_value()) behind = std::max(behind, absl::ToDoubleMilliseconds(*view.lag));
  }
  to.Add("Connected", "1 when every replica set is connected.", int64_t{connected});
  to.Add("MilliSecondsBehindSource", "Milliseconds behind the server; -1: not known yet.", behind);
  AddEvents(to, Sum(views, [](const View& view) { return Changes(view.counted.pipeline.sent); }),
            Sum(views, [](const View& view) { return Changes(view.counted.pipeline.filtered); }),
            Sum(views,
                [](const View& view) {
                  return Changes(view.counted.pipeline.failed) +
                         view.counted.pipeline.skipped.value();
                }),
            SinceLast(views, &ProgressWatch::Progress::since_streamed));
  to.Add("NumberOfCommittedTransactions", "Transactions that were committed.",
         Sum(views, [](const View& view) { return view.counted.tailer.transactions.value(); }));
  to.Add("NumberOfPrimaryElections", "Elections of a primary.",
         Sum(views, [](const View& view) { return view.counted.tailer.elections.value(); }));
  AddCommon(views, options, to);
}

void AddSnapshot(const Views& views, const Options& options, int64_t now, Families& families) {
  const Context to(options, "snapshot", families);
  const auto any = [&](SnapshotState state) {
    return std::ranges::any_of(views,
                               [&](const View& view) { return view.snapshot.state == state; });
  };
  const bool running = any(SnapshotState::kRunning);
  const bool aborted = any(SnapshotState::kAborted);
  to.Add("SnapshotRunning", "1 while a copy runs.", int64_t{running});
  to.Add("SnapshotAborted", "1 when a copy was cut off.", int64_t{aborted});
  to.Add("SnapshotCompleted", "1 when all copies are complete.",
         int64_t{any(SnapshotState::kCompleted) && !running && !aborted});
  int64_t seconds = 0;
  for (const View& view : views) {
    seconds = std::max(seconds, absl::ToInt64Seconds(CopyTime(view.snapshot, now)));
  }
  to.Add("SnapshotDurationInSeconds", "Seconds that the longest copy took so far.", seconds);
  to.Add("TotalTableCount", "Collections to be copied.",
         Sum(views, [](const View& view) { return view.snapshot.collections; }));
  to.Add("RemainingTableCount", "Collections that are not copied yet.",
         Sum(views, [](const View& view) { return view.snapshot.remaining; }));
  AddEvents(
      to, Sum(views, [](const View& view) { return view.counted.pipeline.sent.reads.value(); }),
      Sum(views, [](const View& view) { return view.counted.pipeline.filtered.reads.value(); }),
      Sum(views, [](const View& view) { return view.counted.pipeline.failed.reads.value(); }),
      SinceLast(views, &ProgressWatch::Progress::since_copied));
  AddCommon(views, options, to);
  int64_t tables = 0;
  for (const View& view : views) {
    for (const auto& collection : view.snapshot.by_collection) {
      if (++tables > kMostTables) return;
      to.AddTable(view.status.replica_set + "." + collection.name, collection.documents);
    }
  }
}

}  // namespace

void AddDebeziumMetrics(const Views& views, const Options& options, int64_t now, Families& to) {
  AddStreaming(views, options, to);
  AddSnapshot(views, options, now, to);
}

}  // namespace shardtail::monitoring
