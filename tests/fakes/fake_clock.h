#ifndef SHARDTAIL_TESTS_FAKES_FAKE_CLOCK_H_
#define SHARDTAIL_TESTS_FAKES_FAKE_CLOCK_H_

#include <mutex>
#include <vector>

#include "base/clock.h"

namespace shardtail::fakes {

// A clock that stands still but for sleeps, which end at once and move it on. Safe for any thread.
class FakeClock : public base::Clock {
 public:
  int64_t NowMillis() const override {
    const std::lock_guard lock(mutex_);
    return 1'600'000'000'000 + absl::ToInt64Milliseconds(now_);
  }

  absl::Duration Monotonic() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }

  bool Sleep(absl::Duration duration, const std::stop_token& stop) override {
    const std::lock_guard lock(mutex_);
    if (stop.stop_requested()) return false;
    now_ += duration;
    slept_.push_back(duration);
    return true;
  }

  void Advance(absl::Duration duration) {
    const std::lock_guard lock(mutex_);
    now_ += duration;
  }

  std::vector<absl::Duration> slept() const {
    const std::lock_guard lock(mutex_);
    return slept_;
  }

 private:
  mutable std::mutex mutex_;
  absl::Duration now_;
  std::vector<absl::Duration> slept_;
};

}  // namespace shardtail::fakes

#endif  // SHARDTAIL_TESTS_FAKES_FAKE_CLOCK_H_
