#include "pipeline/delivery_latency.h"

#include <gtest/gtest.h>

namespace shardtail::pipeline {
namespace {

int64_t Count(const metrics::Histogram& histogram) {
  int64_t count = 0;
  for (size_t i = 0; i <= histogram.bounds().size(); ++i) count += histogram.bucket(i);
  return count;
}

class DeliveryLatencyTest : public ::testing::Test {
 protected:
  metrics::Histogram histogram_{metrics::kLatencyBounds};
  DeliveryLatency latency_{histogram_};
};

TEST_F(DeliveryLatencyTest, MeasuresFromTheWriteToTheAcknowledgementOfAllBefore) {
  latency_.Sent(5, 1000);
  latency_.Sent(9, 1010);
  latency_.Settle(4, 1020);
  EXPECT_EQ(Count(histogram_), 0);
  EXPECT_TRUE(latency_.waiting());
  latency_.Settle(5, 1030);
  EXPECT_EQ(histogram_.sum(), 30);
  latency_.Settle(20, 1110);
  EXPECT_EQ(histogram_.sum(), 130);
  EXPECT_EQ(Count(histogram_), 2);
  EXPECT_FALSE(latency_.waiting());
}

TEST_F(DeliveryLatencyTest, TakesNoSampleWithoutARecordOrATime) {
  latency_.Sent(5, 1000);
  latency_.Sent(5, 2000);
  latency_.Sent(6, 0);
  latency_.Settle(6, 1001);
  EXPECT_EQ(Count(histogram_), 1);
}

TEST_F(DeliveryLatencyTest, KeepsABoundedNumberWhileNothingIsAcknowledged) {
  for (uint64_t ticket = 1; ticket <= 100'000; ++ticket) latency_.Sent(ticket, 1000);
  latency_.Settle(100'000, 2000);
  EXPECT_EQ(Count(histogram_), 4096);
}

}  // namespace
}  // namespace shardtail::pipeline
