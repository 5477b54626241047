#ifndef SHARDTAIL_MONITORING_PROGRESS_WATCH_H_
#define SHARDTAIL_MONITORING_PROGRESS_WATCH_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "metrics/replica_set_metrics.h"

namespace shardtail::monitoring {

// How a replica set moves on, seen from outside: so those who do the work need not look at a clock.
// One thread at a time, or a lock around it.
class ProgressWatch {
 public:
  struct Progress {
    absl::Duration still = absl::ZeroDuration();  // since it read an entry or copied a document
    double events_per_second = 0;                 // of the last ten seconds
    absl::Duration since_streamed = absl::InfiniteDuration();  // since the last event of the stream
    absl::Duration since_copied = absl::InfiniteDuration();    // and of a copy
  };

  // What it has counted by `now`, a monotonic time; to be called about once a second. The first
  // call counts as progress.
  void Note(const std::string& replica_set, const metrics::ReplicaSetMetrics& counted,
            absl::Duration now);

  // As of `now`; a replica set that was never noted has just begun.
  Progress Of(const std::string& replica_set, absl::Duration now) const;

 private:
  // A count, and when it last changed.
  struct Watched {
    int64_t count = 0;
    absl::Duration changed;
  };
  struct Sample {
    absl::Duration at;
    int64_t events;
  };
  struct Entry {
    Watched moved;
    Watched streamed;
    Watched copied;
    std::deque<Sample> samples;
  };
  static void Look(Watched& watched, int64_t count, absl::Duration now);

  std::map<std::string, Entry> entries_;
};

// Events of the stream, and of the copy, that were sent, dropped by a filter, or failed.
int64_t StreamEvents(const metrics::PipelineMetrics& counted);
int64_t CopyEvents(const metrics::PipelineMetrics& counted);

}  // namespace shardtail::monitoring

#endif  // SHARDTAIL_MONITORING_PROGRESS_WATCH_H_
