#include "pipeline/snapshot_reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace shardtail::pipeline {
namespace {

using ::testing::ElementsAre;

class SnapshotReporterTest : public ::testing::Test {
 protected:
  fakes::FakeClock clock_;
  SnapshotReporter reporter_{"rs0", clock_};
};

TEST_F(SnapshotReporterTest, TellsWhatIsDoneAndWhatIsLeft) {
  clock_.Sleep(absl::Seconds(10), {});
  EXPECT_EQ(reporter_.Line(std::vector<CollectionCount>{
                {.ns = "shop.customers", .documents = 500, .estimate = 480, .complete = true},
                {.ns = "shop.items", .documents = 0, .estimate = 2000, .complete = false},
                {.ns = "shop.orders", .documents = 1500, .estimate = 3000, .complete = false}}),
            "snapshot: 1 of 3 collections, 2000 of about 5500 documents, 200 a second, "
            "about 18 s left; now shop.orders 50%");
  clock_.Sleep(absl::Seconds(10), {});
  EXPECT_EQ(reporter_.Line(std::vector<CollectionCount>{
                {.ns = "shop.customers", .documents = 500, .estimate = 480, .complete = true},
                {.ns = "shop.items", .documents = 300, .estimate = 2000, .complete = false},
                {.ns = "shop.orders", .documents = 3100, .estimate = 3000, .complete = false}}),
            "snapshot: 1 of 3 collections, 3900 of about 5600 documents, 190 a second, "
            "about 9 s left; now shop.items 15%, shop.orders 99%");
}

TEST_F(SnapshotReporterTest, WhatIsNotKnownIsLeftOut) {
  clock_.Sleep(absl::Seconds(1), {});
  EXPECT_EQ(reporter_.Line(std::vector<CollectionCount>{
                {.ns = "shop.items", .documents = 0, .estimate = 2000, .complete = false},
                {.ns = "shop.orders", .documents = 15, .estimate = {}, .complete = false}}),
            "snapshot: 0 of 2 collections, 15 documents, 15 a second; now shop.orders");
}

TEST_F(SnapshotReporterTest, OnATerminalEachCollectionHasALine) {
  std::vector<CollectionCount> counts = {
      {.ns = "shop.customers", .documents = 500, .estimate = 480, .complete = true},
      {.ns = "shop.orders", .documents = 4000, .estimate = 1'000'000, .complete = false}};
  clock_.Sleep(absl::Seconds(1), {});
  EXPECT_THAT(
      reporter_.Lines(counts),
      ElementsAre("  shop.orders                              4000   0%      4000/s  4 min 10 s",
                  "rs0: snapshot of 2 collections, 1 done, 4500 documents of about 1000500, "
                  "4500/s, 3 min 42 s left"));
  for (int number = 0; number < 9; ++number) {
    counts.push_back({.ns = "x.c", .documents = 1, .estimate = {}, .complete = false});
  }
  EXPECT_EQ(reporter_.Lines(counts).size(), 10);
  EXPECT_EQ(reporter_.Lines(counts)[8], "  and 2 more");
}

TEST_F(SnapshotReporterTest, TheLogHasALineEveryTenSeconds) {
  EXPECT_FALSE(reporter_.Due());
  clock_.Sleep(absl::Seconds(10), {});
  EXPECT_TRUE(reporter_.Due());
  reporter_.Report({});
  EXPECT_FALSE(reporter_.Due());
}

}  // namespace
}  // namespace shardtail::pipeline
