#include "base/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace shardtail::base {
namespace {

constexpr double kLeast = 0.8;

void ExpectAbout(absl::Duration delay, absl::Duration whole) {
  EXPECT_LE(delay, whole);
  EXPECT_GE(delay, whole * kLeast);
}

TEST(BackoffTest, DoublesFromTheInitialDelayToTheMaximum) {
  Backoff backoff(absl::Seconds(1), absl::Seconds(10), /*seed=*/1);
  for (const int seconds : {1, 2, 4, 8, 10, 10}) {
    ExpectAbout(backoff.Next(), absl::Seconds(seconds));
  }
}

TEST(BackoffTest, CountsFailuresUntilReset) {
  Backoff backoff(absl::Seconds(1), absl::Seconds(10), /*seed=*/1);
  EXPECT_EQ(backoff.failures(), 0);
  backoff.Next();
  backoff.Next();
  EXPECT_EQ(backoff.failures(), 2);
  backoff.Reset();
  EXPECT_EQ(backoff.failures(), 0);
  ExpectAbout(backoff.Next(), absl::Seconds(1));
}

TEST(BackoffTest, NeverPassesTheMaximumHoweverOftenItFails) {
  Backoff backoff(absl::Milliseconds(1), absl::Seconds(120), /*seed=*/1);
  for (int i = 0; i < 100; ++i) backoff.Next();
  EXPECT_EQ(backoff.failures(), 100);
  ExpectAbout(backoff.Next(), absl::Seconds(120));
}

TEST(BackoffTest, AMaximumBelowTheInitialDelayCounts) {
  ExpectAbout(Backoff(absl::Seconds(5), absl::Seconds(2), /*seed=*/1).Next(), absl::Seconds(2));
}

TEST(BackoffTest, DifferentSeedsGiveDifferentDelaysAndOneSeedTheSame) {
  std::set<absl::Duration> delays;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const absl::Duration delay = Backoff(absl::Seconds(100), absl::Seconds(100), seed).Next();
    EXPECT_EQ(delay, Backoff(absl::Seconds(100), absl::Seconds(100), seed).Next());
    ExpectAbout(delay, absl::Seconds(100));
    delays.insert(delay);
  }
  EXPECT_EQ(delays.size(), 10U);
}

}  // namespace
}  // namespace shardtail::base
