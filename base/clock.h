#ifndef SHARDTAIL_BASE_CLOCK_H_
#define SHARDTAIL_BASE_CLOCK_H_

#include <cstdint>
#include <stop_token>

#include "absl/time/time.h"

namespace shardtail::base {

// Where the time comes from, so that tests can set it. Safe for use by any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // Milliseconds since the Unix epoch; may jump. Only for what is shown or written into events.
  virtual int64_t NowMillis() const = 0;

  // Time since an arbitrary point; never goes back. For intervals and deadlines.
  virtual absl::Duration Monotonic() const = 0;

  // Waits for `duration`. Returns false as soon as `stop` is requested, true when the time is over.
  virtual bool Sleep(absl::Duration duration, const std::stop_token& stop) = 0;

  // The machine's clock; lives as long as the process.
  static Clock& Real();
};

}  // namespace shardtail::base

#endif  // SHARDTAIL_BASE_CLOCK_H_
