#ifndef SHARDTAIL_TOPOLOGY_OPTIONS_H_
#define SHARDTAIL_TOPOLOGY_OPTIONS_H_

#include "absl/time/time.h"

namespace shardtail::topology {

// Which replica sets are captured here. When one's pipeline ends with an error that may pass, it is
// started again.
struct Options {
  absl::Duration backoff_initial = absl::Seconds(1);  // connect.backoff.initial.delay.ms
  absl::Duration backoff_max = absl::Seconds(120);    // connect.backoff.max.delay.ms
  int max_attempts = 16;                              // connect.max.attempts, failures in a row
  absl::Duration poll_interval = absl::Seconds(30);   // mongodb.poll.interval.ms

  // Processes that share the replica sets, and which of them this one is: see Assignment.
  int assignment_count = 1;   // shard.assignment.count
  int assignment_index = -1;  // shard.assignment.index; -1: not known
};

}  // namespace shardtail::topology

#endif  // SHARDTAIL_TOPOLOGY_OPTIONS_H_
