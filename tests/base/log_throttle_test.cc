#include "base/log_throttle.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace shardtail::base {
namespace {

class LogThrottleTest : public testing::Test {
 protected:
  fakes::FakeClock clock_;
  LogThrottle throttle_{clock_, absl::Seconds(30)};
};

TEST_F(LogThrottleTest, HoldsBackLinesThatDifferInNumbersOnly) {
  EXPECT_EQ(throttle_.Admit("connect failed after 3ms"), "connect failed after 3ms");
  EXPECT_EQ(throttle_.Admit("connect failed after 12ms"), std::nullopt);
  EXPECT_EQ(throttle_.Admit("disconnected"), "disconnected");
}

TEST_F(LogThrottleTest, SaysAfterTheIntervalHowManyWereHeldBack) {
  throttle_.Admit("connect failed after 3ms");
  throttle_.Admit("connect failed after 4ms");
  throttle_.Admit("connect failed after 5ms");
  clock_.Advance(absl::Seconds(30));
  EXPECT_EQ(throttle_.Admit("connect failed after 6ms"),
            "connect failed after 6ms (2 more like it before)");
  clock_.Advance(absl::Seconds(31));
  EXPECT_EQ(throttle_.Admit("connect failed after 7ms"), "connect failed after 7ms");
}

TEST_F(LogThrottleTest, ForgetsRatherThanGrowWithoutEnd) {
  throttle_.Admit("first");
  for (int i = 0; i < 1000; ++i) throttle_.Admit(std::string(static_cast<size_t>(i + 1), 'x'));
  EXPECT_EQ(throttle_.Admit("first"), "first");
}

}  // namespace
}  // namespace shardtail::base
