#include "monitoring/lag.h"

#include <gtest/gtest.h>

namespace shardtail::monitoring {
namespace {

constexpr int64_t kNow = 1'600'000'100'000;

metrics::TailerMetrics* At(metrics::TailerMetrics& counted, int64_t entry_millis) {
  counted.position_seconds.Set(entry_millis / 1000);
  counted.entry_millis.Set(entry_millis);
  return &counted;
}

TEST(LagTest, IsNotKnownBeforeTheFirstEntry) {
  EXPECT_EQ(Lag(metrics::TailerMetrics(), kNow), std::nullopt);
}

TEST(LagTest, IsTheAgeOfTheLastEntryWhileThereIsMore) {
  metrics::TailerMetrics counted;
  EXPECT_EQ(Lag(*At(counted, kNow - 3700), kNow), absl::Milliseconds(3700));
  // Of another entry than the position: its seconds alone count.
  counted.entry_millis.Set(kNow - 100);
  EXPECT_EQ(Lag(counted, kNow), absl::Milliseconds(4000));
}

TEST(LagTest, IsTheAgeOfTheReplyThatHadNothingMore) {
  metrics::TailerMetrics counted;
  At(counted, kNow - 9000);
  counted.idle_millis.Set(kNow - 200);
  EXPECT_EQ(Lag(counted, kNow), absl::Milliseconds(200));
}

TEST(LagTest, IsTheAgeOfTheEntryWhereNoOpsDoNotExplainIt) {
  metrics::TailerMetrics counted;
  At(counted, kNow - 40'000);
  counted.idle_millis.Set(kNow - 200);
  EXPECT_EQ(Lag(counted, kNow), absl::Seconds(40));
}

TEST(LagTest, IsNoneWhereTheServersClockIsAhead) {
  metrics::TailerMetrics counted;
  EXPECT_EQ(Lag(*At(counted, kNow + 5000), kNow), absl::ZeroDuration());
}

}  // namespace
}  // namespace shardtail::monitoring
