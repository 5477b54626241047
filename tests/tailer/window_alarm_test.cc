#include "tailer/window_alarm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardtail::tailer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WindowAlarmTest : public ::testing::Test {
 protected:
  // What is logged when the position is at `second` of an oplog from 1000 to 2000.
  std::string At(int64_t second) {
    metrics_.position_seconds.Set(second);
    ::testing::internal::CaptureStderr();
    alarm_.Update({.oldest = {1000, 1}, .newest = {2000, 1}});
    return ::testing::internal::GetCapturedStderr();
  }

  metrics::TailerMetrics metrics_;
  WindowAlarm alarm_{"rs0", metrics_};
};

TEST_F(WindowAlarmTest, WarnsOnceAtEachCrossing) {
  EXPECT_THAT(At(2000), IsEmpty());
  EXPECT_THAT(At(1500), IsEmpty());
  EXPECT_THAT(At(1499), AllOf(HasSubstr("WARN"), HasSubstr("rs0: less than half"),
                              HasSubstr("replSetResizeOplog")));
  EXPECT_THAT(At(1300), IsEmpty());
  EXPECT_THAT(At(1249), HasSubstr("less than a quarter"));
  EXPECT_THAT(At(1001), IsEmpty());
}

TEST_F(WindowAlarmTest, WarnsAgainOnlyAfterARecovery) {
  At(1200);
  EXPECT_THAT(At(1400), IsEmpty());
  EXPECT_THAT(At(1200), HasSubstr("less than a quarter"));
  EXPECT_THAT(At(1510), IsEmpty());
  EXPECT_THAT(At(1490), IsEmpty()) << "it hovers at the half";
  EXPECT_THAT(At(1600), HasSubstr("60 % of the oplog's window is left again"));
  EXPECT_THAT(At(1490), HasSubstr("less than half"));
}

TEST_F(WindowAlarmTest, TheFiguresAreMetrics) {
  At(1400);
  EXPECT_EQ(metrics_.oplog_window_seconds.value(), 1000);
  EXPECT_EQ(metrics_.oplog_window_left_seconds.value(), 400);
  EXPECT_EQ(metrics_.oplog_window_left_percent.value(), 40);
}

TEST_F(WindowAlarmTest, ANewOplogIsNoAlarm) {
  metrics_.position_seconds.Set(1000);
  ::testing::internal::CaptureStderr();
  alarm_.Update({.oldest = {1000, 1}, .newest = {1000, 9}});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), IsEmpty());
  EXPECT_EQ(metrics_.oplog_window_left_percent.value(), 100);
}

}  // namespace
}  // namespace shardtail::tailer
