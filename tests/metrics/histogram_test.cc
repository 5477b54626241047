#include "metrics/histogram.h"

#include <gtest/gtest.h>

namespace shardtail::metrics {
namespace {

TEST(HistogramTest, PutsEachValueIntoTheFirstBucketThatHoldsIt) {
  static constexpr std::array<int64_t, 3> kBounds = {1, 10, 100};
  Histogram histogram(kBounds);
  for (const int64_t value : {0, 1, 2, 10, 100, 101, 5000}) histogram.Observe(value);
  EXPECT_EQ(histogram.bucket(0), 2);
  EXPECT_EQ(histogram.bucket(1), 2);
  EXPECT_EQ(histogram.bucket(2), 1);
  EXPECT_EQ(histogram.bucket(3), 2);
  EXPECT_EQ(histogram.sum(), 5214);
}

TEST(HistogramTest, TakesWhatClocksThatDifferMakeNegativeForZero) {
  Histogram histogram(kLatencyBounds);
  histogram.Observe(-5000);
  EXPECT_EQ(histogram.bucket(0), 1);
  EXPECT_EQ(histogram.sum(), 0);
}

TEST(HistogramTest, HasRoomForEveryBound) {
  Histogram histogram(kLatencyBounds);
  histogram.Observe(kLatencyBounds.back() + 1);
  EXPECT_EQ(histogram.bucket(kLatencyBounds.size()), 1);
}

}  // namespace
}  // namespace shardtail::metrics
