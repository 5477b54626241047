#include "monitoring/progress_watch.h"

namespace shardtail::monitoring {
namespace {

constexpr absl::Duration kRateWindow = absl::Seconds(10);

int64_t ChangesOf(const metrics::OperationCounters& counters) {
  return counters.creates.value() + counters.updates.value() + counters.deletes.value();
}

}  // namespace

int64_t StreamEvents(const metrics::PipelineMetrics& counted) {
  return ChangesOf(counted.sent) + ChangesOf(counted.filtered) + ChangesOf(counted.failed);
}

int64_t CopyEvents(const metrics::PipelineMetrics& counted) {
  return counted.sent.reads.value() + counted.filtered.reads.value() + counted.failed.reads.value();
}

void ProgressWatch::Look(Watched& watched, int64_t count, absl::Duration now) {
  if (watched.count == count) return;
  watched = {.count = count, .changed = now};
}

void ProgressWatch::Note(const std::string& replica_set, const metrics::ReplicaSetMetrics& counted,
                         absl::Duration now) {
  const auto [found, is_new] = entries_.try_emplace(replica_set);
  Entry& entry = found->second;
  if (is_new) {
    entry.moved.changed = now;
    entry.streamed.changed = entry.copied.changed = -absl::InfiniteDuration();
  }
  const int64_t streamed = StreamEvents(counted.pipeline);
  const int64_t copied = CopyEvents(counted.pipeline);
  Look(entry.moved, counted.tailer.entries.value() + counted.pipeline.snapshot_documents.value(),
       now);
  Look(entry.streamed, streamed, now);
  Look(entry.copied, copied, now);
  // A replica set that came back counts from zero.
  if (!entry.samples.empty() && entry.samples.back().events > streamed + copied) {
    entry.samples.clear();
  }
  entry.samples.push_back({.at = now, .events = streamed + copied});
  while (entry.samples.size() > 2 && now - entry.samples[1].at >= kRateWindow) {
    entry.samples.pop_front();
  }
}

ProgressWatch::Progress ProgressWatch::Of(const std::string& replica_set,
                                          absl::Duration now) const {
  const auto found = entries_.find(replica_set);
  if (found == entries_.end()) return {};
  const Entry& entry = found->second;
  Progress progress{.still = now - entry.moved.changed,
                    .since_streamed = now - entry.streamed.changed,
                    .since_copied = now - entry.copied.changed};
  const Sample& first = entry.samples.front();
  const Sample& last = entry.samples.back();
  if (last.at > first.at) {
    progress.events_per_second =
        static_cast<double>(last.events - first.events) / absl::ToDoubleSeconds(last.at - first.at);
  }
  return progress;
}

}  // namespace shardtail::monitoring
