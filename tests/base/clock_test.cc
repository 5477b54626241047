#include "base/clock.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "absl/time/clock.h"

namespace shardtail::base {
namespace {

TEST(ClockTest, TellsTheTimeSinceTheEpoch) {
  const int64_t before = absl::ToUnixMillis(absl::Now());
  const int64_t now = Clock::Real().NowMillis();
  EXPECT_LE(before, now);
  EXPECT_LE(now, absl::ToUnixMillis(absl::Now()));
}

TEST(ClockTest, MonotonicTimeNeverGoesBack) {
  absl::Duration last = Clock::Real().Monotonic();
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration now = Clock::Real().Monotonic();
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(ClockTest, SleepsAtLeastAsLongAsAsked) {
  const absl::Duration begin = Clock::Real().Monotonic();
  EXPECT_TRUE(Clock::Real().Sleep(absl::Milliseconds(1), std::stop_token()));
  EXPECT_GE(Clock::Real().Monotonic() - begin, absl::Milliseconds(1));
}

TEST(ClockTest, AWaitOfNoTimeIsOverAtOnce) {
  EXPECT_TRUE(Clock::Real().Sleep(absl::ZeroDuration(), std::stop_token()));
  EXPECT_TRUE(Clock::Real().Sleep(absl::Seconds(-1), std::stop_token()));
}

TEST(ClockTest, DoesNotSleepWhenTheStopWasRequestedBefore) {
  std::stop_source source;
  source.request_stop();
  EXPECT_FALSE(Clock::Real().Sleep(absl::Hours(1), source.get_token()));
}

TEST(ClockTest, AStopRequestEndsTheSleep) {
  std::latch about_to_sleep(1);
  bool slept_to_the_end = true;
  std::jthread sleeper([&](const std::stop_token& stop) {
    about_to_sleep.count_down();
    slept_to_the_end = Clock::Real().Sleep(absl::Hours(1), stop);
  });
  about_to_sleep.wait();
  sleeper.request_stop();
  sleeper.join();
  EXPECT_FALSE(slept_to_the_end);
}

}  // namespace
}  // namespace shardtail::base
