#include "pipeline/shard_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace shardtail::pipeline {
namespace {

using ::testing::Ge;

constexpr bson::Timestamp At(uint32_t seconds, uint32_t increment = 1) {
  return {seconds, increment};
}

event::SessionTransaction Transaction(int64_t number) {
  return {.session_id = {}, .number = number, .present = true};
}

// Does what a test says; by default as an idle shard that takes part in no transaction.
class FakeProbe : public ShardProbe {
 public:
  struct Script {
    std::function<absl::Status(bson::Timestamp)> advance = [](bson::Timestamp) {
      return absl::OkStatus();
    };
    std::function<absl::StatusOr<TransactionPart>()> find_part = [] { return TransactionPart(); };
  };
  explicit FakeProbe(Script script) : script_(std::move(script)) {}

  absl::Status Advance(const mongo::ClusterTime& after, const std::stop_token&) override {
    return script_.advance(after.time);
  }
  absl::StatusOr<TransactionPart> FindPart(const event::SessionTransaction&,
                                           const mongo::ClusterTime&,
                                           const std::stop_token&) override {
    return script_.find_part();
  }

 private:
  const Script script_;
};

class ShardOrderTest : public ::testing::Test {
 protected:
  std::unique_ptr<ShardOrder::Seat> Join(const std::string& name, FakeProbe::Script script = {}) {
    return order_.Join(name, std::make_unique<FakeProbe>(std::move(script)));
  }
  static absl::Status Wait(ShardOrder::Seat& seat, bson::Timestamp at,
                           const std::stop_token& stop = {}) {
    return seat.WaitForOthers(
        at, [at] { return mongo::ClusterTime{.time = at, .signed_time = {}}; }, stop);
  }
  static absl::StatusOr<bson::Timestamp> WaitForParts(ShardOrder::Seat& seat, int64_t number,
                                                      bson::Timestamp at) {
    return seat.WaitForParts(Transaction(number), at,
                             [at] { return mongo::ClusterTime{.time = at, .signed_time = {}}; },
                             {});
  }

  ShardOrder order_;
};

TEST_F(ShardOrderTest, AShardAloneDoesNotWait) {
  const auto a = Join("a");
  EXPECT_TRUE(Wait(*a, At(5)).ok());
  EXPECT_EQ(a->waits(), 0);
}

TEST_F(ShardOrderTest, EqualTimesDoNotWaitForEachOther) {
  const auto a = Join("a");
  const auto b = Join("b");
  b->Pass(At(5));
  EXPECT_TRUE(Wait(*a, At(5)).ok());
  EXPECT_EQ(a->waits(), 0);
}

TEST_F(ShardOrderTest, AShardWaitsUntilTheOthersHavePassed) {
  const auto a = Join("a");
  const auto b = Join("b");
  std::atomic<bool> handed_over = false;
  std::jthread other([&] {
    b->PassThrough(At(3));
    while (a->waits() == 0) std::this_thread::yield();
    handed_over = true;
    b->PassThrough(At(5));
  });
  EXPECT_TRUE(Wait(*a, At(5, 2)).ok());
  EXPECT_TRUE(handed_over);
}

TEST_F(ShardOrderTest, AnIdleShardIsMadeToReachTheTime) {
  const auto a = Join("a");
  std::unique_ptr<ShardOrder::Seat> b;
  std::atomic<uint32_t> asked_for = 0;
  b = Join("b", {.advance = [&](bson::Timestamp ts) {
             asked_for = ts.seconds;
             b->PassThrough(ts);
             return absl::OkStatus();
           }});
  EXPECT_TRUE(Wait(*a, At(5)).ok());
  EXPECT_EQ(asked_for, 5);
}

TEST_F(ShardOrderTest, AShardThatCannotBeAskedIsWaitedForAllTheSame) {
  const auto a = Join("a");
  std::atomic<int> asked = 0;
  const auto b = Join("b", {.advance = [&](bson::Timestamp) {
                        ++asked;
                        return absl::UnavailableError("no primary");
                      }});
  std::jthread other([&] {
    while (asked == 0) std::this_thread::yield();
    b->PassThrough(At(9));
  });
  EXPECT_TRUE(Wait(*a, At(5)).ok());
  EXPECT_THAT(asked.load(), Ge(1));
}

TEST_F(ShardOrderTest, AStopRequestEndsTheWait) {
  const auto a = Join("a");
  const auto b = Join("b");
  std::stop_source stop;
  std::jthread stopper([&] {
    while (a->waits() == 0) std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_EQ(Wait(*a, At(5), stop.get_token()).code(), absl::StatusCode::kCancelled);
}

TEST_F(ShardOrderTest, NobodyWaitsForAShardThatFailedOrIsGone) {
  const auto a = Join("a");
  auto failed = Join("failed");
  auto gone = Join("gone");
  std::jthread other([&] {
    while (a->waits() == 0) std::this_thread::yield();
    failed->SetAbsent(true);
    gone.reset();
  });
  EXPECT_TRUE(Wait(*a, At(5)).ok());
}

TEST_F(ShardOrderTest, KnowsUpToWhichTimeAnyShardIsCopied) {
  const auto a = Join("a");
  auto b = Join("b");
  EXPECT_FALSE(a->IsCopiedAfter(At(1)));
  a->BeginCopy();
  b->BeginCopy();
  a->EndCopy(At(5));
  EXPECT_TRUE(a->IsCopiedAfter(At(6)));
  b->EndCopy(At(3));
  EXPECT_FALSE(a->IsCopiedAfter(At(6)));
  EXPECT_TRUE(a->IsCopiedAfter(At(5)));
  b->BeginCopy();
  EXPECT_TRUE(a->IsCopiedAfter(At(6)));
  b = nullptr;
  EXPECT_FALSE(a->IsCopiedAfter(At(6)));
}

TEST_F(ShardOrderTest, KnowsWhenTheOthersAreCopied) {
  const auto a = Join("a");
  const auto b = Join("b");
  a->BeginCopy();
  EXPECT_TRUE(a->OthersAreCopied());
  EXPECT_FALSE(b->OthersAreCopied());
  a->EndCopy(At(5));
  EXPECT_TRUE(b->OthersAreCopied());
  a->NoteCopiesElsewhere(true, At(6));
  EXPECT_FALSE(b->OthersAreCopied());
  a->NoteCopiesElsewhere(false, At(7));
  EXPECT_TRUE(b->OthersAreCopied());
}

TEST_F(ShardOrderTest, ShardsOfOtherProcessesAreNotWaitedForButTheirCopiesCount) {
  const auto a = Join("a");
  order_.SetElsewhere({"b"}, /*copying=*/true);
  EXPECT_THAT(order_.Elsewhere(), ::testing::ElementsAre("b"));
  EXPECT_TRUE(Wait(*a, At(5)).ok());
  EXPECT_EQ(a->waits(), 0);
  EXPECT_TRUE(a->IsCopiedAfter(At(5)));
  a->NoteCopiesElsewhere(true, At(6));
  EXPECT_TRUE(a->IsCopiedAfter(At(9)));
  // It ended before: what came later is in its stream.
  a->NoteCopiesElsewhere(false, At(7));
  EXPECT_TRUE(a->IsCopiedAfter(At(7)));
  EXPECT_FALSE(a->IsCopiedAfter(At(8)));
  a->NoteCopiesElsewhere(false, At(9));
  EXPECT_FALSE(a->IsCopiedAfter(At(8)));
}

TEST_F(ShardOrderTest, AShardThatJoinsDuringTheWaitIsWaitedForToo) {
  const auto a = Join("a");
  const auto list = Join("config.shards");
  std::unique_ptr<ShardOrder::Seat> late;
  std::atomic<bool> late_passed = false;
  std::jthread other([&] {
    while (a->waits() == 0) std::this_thread::yield();
    late = Join("late", {.advance = [&](bson::Timestamp ts) {
                  late_passed = true;
                  late->PassThrough(ts);
                  return absl::OkStatus();
                }});
    list->Pass(At(5));
  });
  EXPECT_TRUE(Wait(*a, At(5)).ok());
  EXPECT_TRUE(late_passed);
}

TEST_F(ShardOrderTest, ATransactionsInsertWaitsForTheOtherShardsPart) {
  std::atomic<int> asked = 0;
  const auto a = Join("a");
  const auto b =
      Join("b", {.find_part = [&]() -> absl::StatusOr<TransactionPart> {
             if (++asked == 1) {
               return TransactionPart{.state = TransactionPart::State::kPrepared, .until = {}};
             }
             return TransactionPart{.state = TransactionPart::State::kEnded, .until = At(8)};
           }});
  std::atomic<bool> handed_over = false;
  std::jthread other([&] {
    b->PassThrough(At(7));
    while (asked < 2) std::this_thread::yield();
    handed_over = true;
    b->PassThrough(At(8));
  });
  EXPECT_TRUE(WaitForParts(*a, 1, At(6)).ok());
  EXPECT_TRUE(handed_over);
  EXPECT_EQ(a->ties(), 0);
}

TEST_F(ShardOrderTest, ShardsThatTakeNoPartAreNotWaitedFor) {
  const auto a = Join("a");
  const auto b = Join("b");
  EXPECT_TRUE(WaitForParts(*a, 1, At(6)).ok());
}

TEST_F(ShardOrderTest, TwoInsertsOfOneTransactionDoNotWaitForEver) {
  const auto ended = [](uint32_t seconds) {
    return [seconds]() -> absl::StatusOr<TransactionPart> {
      return TransactionPart{.state = TransactionPart::State::kEnded, .until = At(seconds)};
    };
  };
  const auto a = Join("a", {.find_part = ended(6)});
  const auto b = Join("b", {.find_part = ended(7)});
  std::jthread other([&] {
    EXPECT_TRUE(WaitForParts(*b, 1, At(7)).ok());
    b->PassThrough(At(7));
  });
  EXPECT_TRUE(WaitForParts(*a, 1, At(6)).ok());
  a->PassThrough(At(6));
}

TEST_F(ShardOrderTest, ATransactionGivesWayWhereShardsWouldWaitForEachOtherForEver) {
  // b's part ends at 9; before it, at 8, b waits for a to pass 8, and a stands at 6.
  const auto a = Join("a");
  const auto b =
      Join("b", {.find_part = []() -> absl::StatusOr<TransactionPart> {
             return TransactionPart{.state = TransactionPart::State::kEnded, .until = At(9)};
           }});
  std::jthread other([&] { EXPECT_TRUE(Wait(*b, At(8)).ok()); });
  EXPECT_TRUE(WaitForParts(*a, 1, At(6)).ok());
  EXPECT_EQ(a->ties(), 1);
  a->PassThrough(At(8));
}

// Threads that read their logs at their own pace, each waiting before some of its entries: what one
// hands over after a wait has nothing earlier of another one behind it.
TEST_F(ShardOrderTest, NothingIsOvertakenAmongManyShards) {
  constexpr uint32_t kShards = 4;
  constexpr uint32_t kEntries = 400;
  std::array<std::unique_ptr<ShardOrder::Seat>, kShards> seats;
  std::array<std::atomic<uint32_t>, kShards> handed_over{};  // the last entry's second
  for (uint32_t i = 0; i < kShards; ++i) seats[i] = Join(std::to_string(i));
  std::atomic<int> overtaken = 0;
  {
    std::vector<std::jthread> threads;
    for (uint32_t i = 0; i < kShards; ++i) {
      threads.emplace_back([&, i] {
        std::mt19937 random(i);
        for (uint32_t second = 1; second <= kEntries; ++second) {
          // The shards' entries alternate: increments keep them apart.
          const bson::Timestamp ts = At(second, i);
          if (random() % 4 == 0) {
            EXPECT_TRUE(Wait(*seats[i], ts).ok());
            for (uint32_t other = 0; other < kShards; ++other) {
              const uint32_t needed = other < i ? second : second - 1;
              if (other != i && handed_over[other] < needed) ++overtaken;
            }
          }
          handed_over[i] = second;
          seats[i]->PassThrough(ts);
        }
      });
    }
  }
  EXPECT_EQ(overtaken, 0);
}

}  // namespace
}  // namespace shardtail::pipeline
