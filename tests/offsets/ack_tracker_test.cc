#include "offsets/ack_tracker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

namespace shardtail::offsets {
namespace {

StoredOffset At(uint32_t seconds) { return {.position = {{seconds, 1}, 0}}; }

void Acknowledge(AckTracker& tracker, std::vector<uint64_t> tickets) {
  tracker.Acknowledge(tickets);
}

TEST(AckTracker, HasNoMarkBeforeTheFirstDelivery) {
  AckTracker tracker;
  EXPECT_EQ(tracker.LowWaterMark(), std::nullopt);
  tracker.Open(At(1));
  EXPECT_EQ(tracker.LowWaterMark(), std::nullopt);
  EXPECT_EQ(tracker.pending(), 1);
}

TEST(AckTracker, CountsTicketsFromOne) {
  AckTracker tracker;
  EXPECT_EQ(tracker.Open(At(1)), 1U);
  EXPECT_EQ(tracker.Open(At(1)), 2U);
}

TEST(AckTracker, KnowsTheBytesThatAreNotAcknowledged) {
  AckTracker tracker;
  tracker.Open(At(1), 100);
  tracker.Open(At(2), 30);
  EXPECT_EQ(tracker.pending_bytes(), 130);
  Acknowledge(tracker, {1, 1});
  EXPECT_EQ(tracker.pending_bytes(), 30);
  Acknowledge(tracker, {2});
  EXPECT_EQ(tracker.pending_bytes(), 0);
}

TEST(AckTracker, MovesTheMarkOnlyOverWhatIsDeliveredWithoutAGap) {
  AckTracker tracker;
  for (uint32_t i = 1; i <= 4; ++i) tracker.Open(At(i));
  Acknowledge(tracker, {2, 4});
  EXPECT_EQ(tracker.LowWaterMark(), std::nullopt);
  Acknowledge(tracker, {1});
  EXPECT_EQ(tracker.LowWaterMark(), At(2));
  Acknowledge(tracker, {3});
  EXPECT_EQ(tracker.LowWaterMark(), At(4));
  EXPECT_EQ(tracker.pending(), 0);
}

TEST(AckTracker, TakesWhatWasPassedAsSoonAsWhatCameBeforeIsDelivered) {
  AckTracker tracker;
  tracker.Pass(At(1));
  EXPECT_EQ(tracker.LowWaterMark(), At(1));
  tracker.Open(At(2));
  tracker.Pass(At(3));
  tracker.Pass(At(4));
  EXPECT_EQ(tracker.LowWaterMark(), At(1));
  Acknowledge(tracker, {1});
  EXPECT_EQ(tracker.LowWaterMark(), At(4));
  tracker.Pass(At(5));
  EXPECT_EQ(tracker.LowWaterMark(), At(5));
}

TEST(AckTracker, HoldsWhatWasPassedBackWhereOnlyTheNewestIsDelivered) {
  AckTracker tracker;
  tracker.Open(At(1));
  tracker.Open(At(2));
  Acknowledge(tracker, {2});
  tracker.Pass(At(3));
  EXPECT_EQ(tracker.LowWaterMark(), std::nullopt);
  Acknowledge(tracker, {1});
  EXPECT_EQ(tracker.LowWaterMark(), At(3));
}

TEST(AckTracker, StopsAtAFailedDeliveryAndNeverGoesPastIt) {
  AckTracker tracker;
  for (uint32_t i = 1; i <= 4; ++i) tracker.Open(At(i));
  Acknowledge(tracker, {1, 3});
  tracker.Fail(2, absl::UnavailableError("gone"));
  Acknowledge(tracker, {4});
  tracker.Pass(At(9));
  EXPECT_EQ(tracker.LowWaterMark(), At(1));
  EXPECT_EQ(tracker.pending(), 1);
}

TEST(AckTracker, KeepsTheFirstFailure) {
  AckTracker tracker;
  EXPECT_TRUE(tracker.failure().ok());
  tracker.Open(At(1));
  tracker.Open(At(2));
  tracker.Fail(2, absl::UnavailableError("first"));
  tracker.Fail(1, absl::UnavailableError("second"));
  EXPECT_EQ(tracker.failure().message(), "first");
}

TEST(AckTracker, IgnoresTicketsThatItDoesNotWaitFor) {
  AckTracker tracker;
  tracker.Open(At(1));
  Acknowledge(tracker, {0, 2, 1'000'000, UINT64_MAX});
  EXPECT_EQ(tracker.pending(), 1);
  Acknowledge(tracker, {1, 1});
  Acknowledge(tracker, {1});
  EXPECT_EQ(tracker.pending(), 0);
  EXPECT_EQ(tracker.LowWaterMark(), At(1));
}

TEST(AckTracker, KeepsEveryOffsetWhenItsRingGrowsAndTurns) {
  AckTracker tracker;
  uint64_t opened = 0;
  uint64_t acknowledged = 0;
  for (const uint64_t in_flight : {700U, 5000U, 3U, 9000U}) {
    while (opened < acknowledged + in_flight) tracker.Open(At(static_cast<uint32_t>(++opened)));
    while (acknowledged < opened) {
      Acknowledge(tracker, {++acknowledged});
      ASSERT_EQ(tracker.LowWaterMark(), At(static_cast<uint32_t>(acknowledged)));
    }
  }
}

TEST(AckTracker, HasTheMarkOfTheOldestMissingRecordInEveryOrderOfDelivery) {
  constexpr uint64_t kRecords = 500;
  std::mt19937_64 random(7);
  for (int round = 0; round < 20; ++round) {
    AckTracker tracker;
    std::vector<uint64_t> tickets;
    for (uint64_t i = 1; i <= kRecords; ++i) {
      tickets.push_back(tracker.Open(At(static_cast<uint32_t>(i))));
    }
    std::shuffle(tickets.begin(), tickets.end(), random);
    std::vector<bool> done(kRecords + 2, false);
    uint64_t lowest_missing = 1;
    for (const uint64_t ticket : tickets) {
      Acknowledge(tracker, {ticket});
      done[ticket] = true;
      while (done[lowest_missing]) ++lowest_missing;
      if (lowest_missing == 1) {
        ASSERT_EQ(tracker.LowWaterMark(), std::nullopt);
      } else {
        ASSERT_EQ(tracker.LowWaterMark(), At(static_cast<uint32_t>(lowest_missing - 1)));
      }
    }
  }
}

TEST(AckTracker, IsSafeBetweenTheThreadThatSendsAndTheOneThatHears) {
  constexpr uint64_t kRecords = 100'000;
  AckTracker tracker;
  std::atomic<uint64_t> opened = 0;
  std::jthread deliveries([&] {
    uint64_t acknowledged = 0;
    std::vector<uint64_t> batch;
    while (acknowledged < kRecords) {
      const uint64_t until = opened.load();
      batch.clear();
      while (acknowledged < until) batch.push_back(++acknowledged);
      tracker.Acknowledge(batch);
    }
  });
  for (uint64_t i = 1; i <= kRecords; ++i) {
    tracker.Open(At(static_cast<uint32_t>(i)));
    opened.store(i);
    if (i % 7 == 0) tracker.Pass(At(static_cast<uint32_t>(i)));
    if (i % 64 == 0) {
      const auto mark = tracker.LowWaterMark();
      ASSERT_TRUE(!mark.has_value() || mark->position.ts.seconds <= i);
    }
  }
  deliveries.join();
  EXPECT_EQ(tracker.LowWaterMark(), At(kRecords));
}

}  // namespace
}  // namespace shardtail::offsets
