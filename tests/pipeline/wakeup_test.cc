#include "pipeline/wakeup.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>

namespace shardtail::pipeline {
namespace {

// Far longer than any wait in these tests.
constexpr absl::Duration kLong = absl::Minutes(10);

TEST(WakeupTest, AWakeEndsTheWait) {
  Wakeup wakeup;
  std::latch about_to_wait(1);
  std::jthread waker([&] {
    about_to_wait.wait();
    wakeup.Wake();
  });
  about_to_wait.count_down();
  EXPECT_TRUE(wakeup.Wait(kLong, {}));
}

TEST(WakeupTest, SeveralBeforeTheWaitEndOneAlone) {
  Wakeup wakeup;
  wakeup.Wake();
  wakeup.Wake();
  EXPECT_TRUE(wakeup.Wait(kLong, {}));
  EXPECT_FALSE(wakeup.Wait(absl::Milliseconds(1), {}));
}

TEST(WakeupTest, AStopRequestEndsTheWait) {
  Wakeup wakeup;
  std::stop_source stop;
  std::latch about_to_wait(1);
  std::jthread stopper([&] {
    about_to_wait.wait();
    stop.request_stop();
  });
  about_to_wait.count_down();
  EXPECT_FALSE(wakeup.Wait(kLong, stop.get_token()));
}

}  // namespace
}  // namespace shardtail::pipeline
