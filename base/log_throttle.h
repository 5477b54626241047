#ifndef SHARDTAIL_BASE_LOG_THROTTLE_H_
#define SHARDTAIL_BASE_LOG_THROTTLE_H_

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/time/time.h"
#include "base/clock.h"

namespace shardtail::base {

// Lets a line pass once in an interval; lines that differ in their numbers only count as the same.
// What fails at each attempt, or with each event, would else fill the log. Safe for any
// thread.
class LogThrottle {
 public:
  LogThrottle(Clock& clock, absl::Duration interval) : clock_(clock), interval_(interval) {}

  // The line to write, with the number of those that were held back before it; nullopt: hold it
  // back.
  std::optional<std::string> Admit(std::string_view line);

 private:
  struct Seen {
    absl::Duration written;
    int held_back = 0;
  };

  Clock& clock_;
  const absl::Duration interval_;
  std::mutex mutex_;  // guards seen_
  std::unordered_map<std::string, Seen> seen_;
};

}  // namespace shardtail::base

#endif  // SHARDTAIL_BASE_LOG_THROTTLE_H_
