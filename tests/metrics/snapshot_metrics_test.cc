#include "metrics/snapshot_metrics.h"

#include <gtest/gtest.h>

namespace shardtail::metrics {
namespace {

TEST(SnapshotMetricsTest, KnowsNothingBeforeTheFirstCopy) {
  const SnapshotMetrics::Progress progress = SnapshotMetrics().progress();
  EXPECT_EQ(progress.state, SnapshotState::kNone);
  EXPECT_EQ(progress.collections, 0);
}

TEST(SnapshotMetricsTest, CountsByCollection) {
  SnapshotMetrics metrics;
  metrics.Begin(1000);
  for (const char* collection : {"a.b", "a.c", "a.empty"}) metrics.Expect(collection);
  for (int i = 0; i < 3; ++i) metrics.Copied("a.b");
  metrics.Finished("a.b");
  metrics.Copied("a.c");
  SnapshotMetrics::Progress progress = metrics.progress();
  EXPECT_EQ(progress.state, SnapshotState::kRunning);
  EXPECT_EQ(progress.collections, 3);
  EXPECT_EQ(progress.remaining, 2);
  EXPECT_EQ(progress.documents, 4);
  ASSERT_EQ(progress.by_collection.size(), 3U);
  EXPECT_EQ(progress.by_collection[0].name, "a.b");
  EXPECT_EQ(progress.by_collection[0].documents, 3);
  EXPECT_EQ(progress.ended, 0);
  metrics.End(SnapshotState::kCompleted, 5000);
  progress = metrics.progress();
  EXPECT_EQ(progress.remaining, 0);
  EXPECT_EQ(progress.begun, 1000);
  EXPECT_EQ(progress.ended, 5000);
}

TEST(SnapshotMetricsTest, ACopyThatBeginsAgainCountsAnew) {
  SnapshotMetrics metrics;
  metrics.Begin(1000);
  metrics.Copied("a.b");
  metrics.End(SnapshotState::kAborted, 2000);
  EXPECT_EQ(metrics.progress().remaining, 1);
  metrics.Begin(3000);
  metrics.Copied("a.b");
  EXPECT_EQ(metrics.progress().documents, 1);
  EXPECT_EQ(metrics.progress().ended, 0);
}

}  // namespace
}  // namespace shardtail::metrics
