#include "tailer/window_alarm.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "base/log.h"

namespace shardtail::tailer {
namespace {

constexpr int64_t kHalf = 50;
constexpr int64_t kQuarter = 25;
// Above the threshold by this much, a crossing counts anew: one that hovers there warns once.
constexpr int64_t kMargin = 5;

}  // namespace

WindowAlarm::WindowAlarm(std::string replica_set, metrics::TailerMetrics& metrics)
    : replica_set_(std::move(replica_set)), metrics_(metrics) {}

void WindowAlarm::Update(const OplogWindow& window) {
  const int64_t whole =
      std::max<int64_t>(int64_t{window.newest.seconds} - int64_t{window.oldest.seconds}, 0);
  const int64_t position = metrics_.position_seconds.value();
  const int64_t left = std::clamp<int64_t>(position - window.oldest.seconds, 0, whole);
  const int64_t percent = whole == 0 ? 100 : left * 100 / whole;
  metrics_.oplog_window_seconds.Set(whole);
  metrics_.oplog_window_left_seconds.Set(left);
  metrics_.oplog_window_left_percent.Set(percent);

  const int level = percent < kQuarter ? 2 : percent < kHalf ? 1 : 0;
  if (level > warned_) {
    warned_ = level;
    base::LogWarn(
        "{}: less than {} of the oplog's window is left. The position is {} behind the end, and "
        "falls off the oplog, which reaches back {}, when it is {} older. Give the oplog more room "
        "(replSetResizeOplog), or find what slows the capture down",
        replica_set_, level == 2 ? "a quarter" : "half",
        absl::FormatDuration(absl::Seconds(whole - left)),
        absl::FormatDuration(absl::Seconds(whole)), absl::FormatDuration(absl::Seconds(left)));
  } else if (warned_ > 0 && percent >= kHalf + kMargin) {
    warned_ = 0;
    base::LogInfo("{}: {} % of the oplog's window is left again", replica_set_, percent);
  } else if (warned_ == 2 && percent >= kQuarter + kMargin) {
    warned_ = 1;
  }
}

}  // namespace shardtail::tailer
