#ifndef SHARDTAIL_KAFKA_LOG_THROTTLE_H_
#define SHARDTAIL_KAFKA_LOG_THROTTLE_H_

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/time/time.h"
#include "base/clock.h"

namespace shardtail::kafka {

// Lets a line pass once in an interval; lines that differ in their numbers only count as the same.
// A client without a broker would else fill the log with one line for each attempt. Safe for any
// thread.
class LogThrottle {
 public:
  LogThrottle(base::Clock& clock, absl::Duration interval) : clock_(clock), interval_(interval) {}

  // The line to write, with the number of those that were held back before it; nullopt: hold it
  // back.
  std::optional<std::string> Admit(std::string_view line);

 private:
  struct Seen {
    absl::Duration written;
    int held_back = 0;
  };

  base::Clock& clock_;
  const absl::Duration interval_;
  std::mutex mutex_;  // guards seen_
  std::unordered_map<std::string, Seen> seen_;
};

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_LOG_THROTTLE_H_
