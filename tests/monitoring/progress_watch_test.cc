#include "monitoring/progress_watch.h"

#include <gtest/gtest.h>

namespace shardtail::monitoring {
namespace {

TEST(ProgressWatchTest, TellsHowLongNothingMoved) {
  ProgressWatch watch;
  metrics::ReplicaSetMetrics counted;
  watch.Note("rs0", counted, absl::Seconds(100));
  EXPECT_EQ(watch.Of("rs0", absl::Seconds(104)).still, absl::Seconds(4));
  counted.tailer.entries.Add();
  watch.Note("rs0", counted, absl::Seconds(105));
  EXPECT_EQ(watch.Of("rs0", absl::Seconds(107)).still, absl::Seconds(2));
  counted.pipeline.snapshot_documents.Add();
  watch.Note("rs0", counted, absl::Seconds(108));
  EXPECT_EQ(watch.Of("rs0", absl::Seconds(108)).still, absl::ZeroDuration());
}

TEST(ProgressWatchTest, OneThatWasNeverNotedHasJustBegun) {
  const ProgressWatch::Progress progress = ProgressWatch().Of("rs0", absl::Seconds(100));
  EXPECT_EQ(progress.still, absl::ZeroDuration());
  EXPECT_EQ(progress.events_per_second, 0);
}

TEST(ProgressWatchTest, TellsTheRateOfTheLastTenSeconds) {
  ProgressWatch watch;
  metrics::ReplicaSetMetrics counted;
  for (int second = 0; second <= 60; ++second) {
    counted.pipeline.sent.creates.Add(second < 30 ? 1000 : 100);
    watch.Note("rs0", counted, absl::Seconds(second));
  }
  EXPECT_EQ(watch.Of("rs0", absl::Seconds(60)).events_per_second, 100);
}

TEST(ProgressWatchTest, OneThatCountsFromZeroAgainHasNoNegativeRate) {
  ProgressWatch watch;
  metrics::ReplicaSetMetrics before;
  before.pipeline.sent.creates.Add(1000);
  watch.Note("rs0", before, absl::Seconds(1));
  watch.Note("rs0", metrics::ReplicaSetMetrics(), absl::Seconds(2));
  EXPECT_EQ(watch.Of("rs0", absl::Seconds(2)).events_per_second, 0);
}

TEST(ProgressWatchTest, KnowsEventsOfTheStreamFromThoseOfACopy) {
  ProgressWatch watch;
  metrics::ReplicaSetMetrics counted;
  watch.Note("rs0", counted, absl::Seconds(1));
  EXPECT_EQ(watch.Of("rs0", absl::Seconds(2)).since_streamed, absl::InfiniteDuration());
  counted.pipeline.sent.reads.Add();
  watch.Note("rs0", counted, absl::Seconds(3));
  counted.pipeline.filtered.updates.Add();
  watch.Note("rs0", counted, absl::Seconds(5));
  const ProgressWatch::Progress progress = watch.Of("rs0", absl::Seconds(6));
  EXPECT_EQ(progress.since_streamed, absl::Seconds(1));
  EXPECT_EQ(progress.since_copied, absl::Seconds(3));
}

}  // namespace
}  // namespace shardtail::monitoring
