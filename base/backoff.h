#ifndef SHARDTAIL_BASE_BACKOFF_H_
#define SHARDTAIL_BASE_BACKOFF_H_

#include <cstdint>

#include "absl/time/time.h"

namespace shardtail::base {

// How long to wait before the next attempt: the initial delay, doubled at each failure up to the
// maximum, each with up to 20 % taken off at random so that many clients do not come back together.
// Not thread-safe.
class Backoff {
 public:
  Backoff(absl::Duration initial, absl::Duration maximum, uint64_t seed);

  // The delay before the next attempt; counts one failure.
  absl::Duration Next();

  // Failures since the last Reset().
  int failures() const { return failures_; }

  // After a success: the next delay is the initial one again.
  void Reset() { failures_ = 0; }

 private:
  const absl::Duration initial_;
  const absl::Duration maximum_;
  uint64_t random_state_;
  int failures_ = 0;
};

}  // namespace shardtail::base

#endif  // SHARDTAIL_BASE_BACKOFF_H_
