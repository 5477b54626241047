#include "snapshot/board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace shardtail::snapshot {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr CollectionUuid kOrders = {1};
constexpr CollectionUuid kOther = {2};

bson::Timestamp At(uint32_t seconds) { return {seconds, 1}; }

IdBound Id(int32_t id) { return bson::Builder().Int32("_id", id).Build(); }

class BoardTest : public testing::Test {
 protected:
  // The decision on one operation of an entry at `seconds`.
  Decision On(int32_t id, uint32_t seconds, bool is_delete = false,
              const CollectionUuid& collection = kOrders) {
    board_.BeginEntry(At(seconds), At(seconds));
    const IdBound key = Id(id);
    return board_.Decide(collection, *key.view().Find("_id"), is_delete);
  }

  Board board_{At(10)};
};

TEST_F(BoardTest, PublishesWhatIsNotToBeCopied) {
  board_.Add(kOrders, "shop.orders", {});
  EXPECT_EQ(On(1, 11, false, kOther), Decision::kPublish);
  board_.Remove(kOrders);
  EXPECT_EQ(On(1, 12), Decision::kPublish);
  EXPECT_TRUE(board_.complete());
}

TEST_F(BoardTest, SkipsAllButDeletesOfWhatIsPlanned) {
  board_.Add(kOrders, "shop.orders", {});
  EXPECT_EQ(On(1, 11), Decision::kSkip);
  EXPECT_EQ(On(1, 11, true), Decision::kPublish);
}

TEST_F(BoardTest, SkipsNothingOfWhatIsCopiedInPart) {
  board_.Add(kOrders, "shop.orders", {});
  board_.PublishAll(kOrders);
  EXPECT_EQ(On(1, 11), Decision::kPublish);
  const auto chunk = board_.Take(At(20));
  ASSERT_TRUE(chunk.has_value());
  EXPECT_EQ(On(1, 20), Decision::kPublish);
  EXPECT_EQ(On(1, 21), Decision::kWait);
  EXPECT_TRUE(board_.FinishRead(chunk->number, {}));
  board_.HandOver(chunk->number, 1);
  EXPECT_EQ(On(1, 21), Decision::kPublish);
  board_.Add(kOrders, "shop.orders", {});
  EXPECT_EQ(On(1, 22), Decision::kSkip);
}

TEST_F(BoardTest, ReadsAgainWhatWentOutBeforeItsNameWasSeenToBeRight) {
  board_.Add(kOrders, "shop.orders", {});
  const auto away = board_.Take(At(20));
  ASSERT_TRUE(board_.FinishRead(away->number, Id(5), At(30)));
  const auto right = board_.Take(At(20));
  ASSERT_TRUE(board_.FinishRead(right->number, {}, At(22)));
  board_.Pass(At(20));
  board_.HandOver(away->number, 1);
  board_.HandOver(right->number, 2);
  EXPECT_FALSE(board_.all_handed_over());
  EXPECT_THAT(board_.Settle(2), IsEmpty());

  board_.BeginEntry(At(25), At(25));
  board_.Rename(kOrders, "shop.other");
  EXPECT_THAT(board_.Settle(2), ElementsAre(kOrders));
  const auto again = board_.Take(At(25));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->ns, "shop.other");
  EXPECT_FALSE(board_.Take(At(25)).has_value());
  ASSERT_TRUE(board_.FinishRead(again->number, {}, At(26)));
  board_.Pass(At(26));
  EXPECT_TRUE(board_.IsLast(again->number));
  board_.HandOver(again->number, 3);
  EXPECT_FALSE(board_.all_handed_over());
  board_.Pass(At(30));
  EXPECT_TRUE(board_.all_handed_over());
  EXPECT_THAT(board_.Settle(3), ElementsAre(kOrders));
  EXPECT_TRUE(board_.complete());
}

TEST_F(BoardTest, WaitsForARangeInFlightAtAnEarlierTime) {
  board_.Add(kOrders, "shop.orders", {});
  const auto chunk = board_.Take(At(20));
  ASSERT_TRUE(chunk.has_value());
  EXPECT_EQ(chunk->at, At(20));
  EXPECT_EQ(On(1, 20), Decision::kSkip);
  EXPECT_EQ(On(1, 20, true), Decision::kPublish);
  EXPECT_EQ(On(1, 21), Decision::kWait);
  EXPECT_EQ(On(1, 21, true), Decision::kWait);
  EXPECT_FALSE(board_.Ready().has_value());

  EXPECT_TRUE(board_.FinishRead(chunk->number, {}));
  EXPECT_EQ(On(1, 21), Decision::kWait);
  ASSERT_TRUE(board_.Ready().has_value());
  board_.HandOver(chunk->number, 1);
  EXPECT_FALSE(board_.Ready().has_value());
  EXPECT_EQ(On(1, 21), Decision::kPublish);
}

TEST_F(BoardTest, NeverReadsBeforeWhatTheStreamHasDecided) {
  board_.Add(kOrders, "shop.orders", {});
  board_.BeginEntry(At(30), At(30));
  EXPECT_EQ(board_.Take(At(20))->at, At(30));
}

TEST_F(BoardTest, ReadsAfterTheOffsetThatTheStreamResumesFrom) {
  board_.Add(kOrders, "shop.orders", {});
  EXPECT_EQ(board_.Take(At(5))->at, At(10));
}

TEST_F(BoardTest, HandsOverOnlyWhatTheStreamHasPassed) {
  board_.Add(kOrders, "shop.orders", {});
  const auto chunk = board_.Take(At(20));
  board_.FinishRead(chunk->number, {});
  board_.BeginEntry(At(20), At(20));  // it may delete a document of the range
  EXPECT_FALSE(board_.Ready().has_value());
  board_.Pass(At(19));
  EXPECT_FALSE(board_.Ready().has_value());
  board_.Pass(At(20));
  ASSERT_TRUE(board_.Ready().has_value());
  EXPECT_EQ(board_.Ready()->ns, "shop.orders");
}

TEST_F(BoardTest, DecidesAnewWhenARangeMustBeReadAgain) {
  board_.Add(kOrders, "shop.orders", {});
  const auto chunk = board_.Take(At(20));
  EXPECT_EQ(On(1, 21), Decision::kWait);
  board_.Fail(chunk->number);
  EXPECT_EQ(On(1, 21), Decision::kSkip);
  EXPECT_FALSE(board_.FinishRead(chunk->number, {}));
  EXPECT_EQ(board_.Take(At(5))->at, At(21));
}

TEST_F(BoardTest, PlansWhatAWorkerLeftAgainAndFirst) {
  board_.Add(kOrders, "shop.orders", {});
  const std::vector<IdBound> bounds = {Id(100)};
  board_.Split(kOrders, bounds);
  const auto chunk = board_.Take(At(20));
  EXPECT_EQ(chunk->range.max.view().bytes(), Id(100).view().bytes());
  EXPECT_TRUE(board_.FinishRead(chunk->number, Id(50)));
  EXPECT_EQ(On(49, 21), Decision::kWait);
  EXPECT_EQ(On(50, 21), Decision::kSkip);
  const auto rest = board_.Take(At(22));
  EXPECT_EQ(rest->range.min.view().bytes(), Id(50).view().bytes());
  EXPECT_EQ(rest->range.max.view().bytes(), Id(100).view().bytes());
  EXPECT_EQ(On(50, 22), Decision::kSkip);
  EXPECT_EQ(On(50, 23), Decision::kWait);
}

TEST_F(BoardTest, GivesNothingOfWhatIsToBeSplitFirst) {
  board_.Add(kOrders, "shop.orders", {}, CopyKind::kInitial, Board::Taken::kAfterSplit);
  EXPECT_FALSE(board_.may_take());
  EXPECT_EQ(board_.Take(At(20)), std::nullopt);
  EXPECT_EQ(On(1, 21), Decision::kSkip);
  EXPECT_FALSE(board_.complete());
  const std::vector<IdBound> bounds = {Id(10)};
  board_.Split(kOrders, bounds);
  EXPECT_EQ(board_.Take(At(22))->range.max.view().bytes(), Id(10).view().bytes());
  EXPECT_EQ(board_.Take(At(22))->range.min.view().bytes(), Id(10).view().bytes());
  EXPECT_EQ(board_.Take(At(22)), std::nullopt);
}

TEST_F(BoardTest, GivesWhatASplitLeftInOnePiece) {
  board_.Add(kOrders, "shop.orders", {}, CopyKind::kInitial, Board::Taken::kAfterSplit);
  board_.Split(kOrders, {});
  EXPECT_TRUE(board_.may_take());
  EXPECT_TRUE(board_.Take(At(20)).has_value());
  EXPECT_FALSE(board_.may_take());
}

TEST_F(BoardTest, DoesNotTakeAnEndThatLeavesNothingForAReadRange) {
  const std::vector<CopiedRange> copied = {{{{}, Id(10)}, At(5)}};
  board_.Add(kOrders, "shop.orders", copied);
  const auto chunk = board_.Take(At(20));
  EXPECT_FALSE(board_.FinishRead(chunk->number, Id(10)));
  EXPECT_EQ(On(10, 21), Decision::kSkip);
  EXPECT_EQ(board_.Take(At(22))->range.min.view().bytes(), Id(10).view().bytes());
}

TEST_F(BoardTest, RecordsARangeOnlyWhenAllBeforeItsEndIsAcknowledged) {
  board_.Add(kOrders, "shop.orders", {});
  const std::vector<IdBound> bounds = {Id(10)};
  board_.Split(kOrders, bounds);
  const auto low = board_.Take(At(20));
  const auto high = board_.Take(At(21));
  board_.FinishRead(low->number, {});
  board_.FinishRead(high->number, {});
  board_.Pass(At(25));
  board_.HandOver(low->number, 7);
  board_.HandOver(high->number, 9);
  EXPECT_THAT(board_.Settle(6), IsEmpty());
  EXPECT_THAT(board_.Progress(kOrders).copied, IsEmpty());
  EXPECT_THAT(board_.Settle(8), ElementsAre(kOrders));
  ASSERT_EQ(board_.Progress(kOrders).copied.size(), 1U);
  EXPECT_EQ(board_.Progress(kOrders).copied[0].range.max.view().bytes(), Id(10).view().bytes());
  EXPECT_FALSE(board_.complete());
  EXPECT_THAT(board_.Settle(9), ElementsAre(kOrders));
  EXPECT_TRUE(board_.complete());
  EXPECT_TRUE(board_.Progress(kOrders).complete());
  EXPECT_EQ(board_.Progress(kOrders).copied[0].at, At(20));
}

TEST_F(BoardTest, GoesOnWhereTheProgressStands) {
  const std::vector<CopiedRange> copied = {{{Id(10), Id(20)}, At(15)}, {{Id(30), {}}, At(16)}};
  board_.Add(kOrders, "shop.orders", copied);
  EXPECT_EQ(board_.unfinished(), 2);
  EXPECT_EQ(On(9, 11), Decision::kSkip);
  EXPECT_EQ(On(10, 15), Decision::kSkip);
  EXPECT_EQ(On(10, 15, true), Decision::kSkip);
  EXPECT_EQ(On(10, 16), Decision::kPublish);
  EXPECT_EQ(On(30, 16), Decision::kSkip);
  EXPECT_EQ(On(30, 17), Decision::kPublish);
  EXPECT_EQ(board_.Take(At(20))->range.max.view().bytes(), Id(10).view().bytes());
  EXPECT_EQ(board_.Take(At(20))->range.min.view().bytes(), Id(20).view().bytes());
  EXPECT_FALSE(board_.Take(At(20)).has_value());
}

// A commit entry behind what was read, of a transaction that reads see since before that.
TEST_F(BoardTest, PublishesOnlyTheDeletesOfAPreparedTransactionThatWasReadAlready) {
  board_.Add(kOrders, "shop.orders", {});
  const auto chunk = board_.Take(At(20));
  board_.FinishRead(chunk->number, {});
  board_.Pass(At(20));
  board_.HandOver(chunk->number, 1);
  const auto decide = [this](int32_t id, bool is_delete) {
    const IdBound key = Id(id);
    return board_.Decide(kOrders, *key.view().Find("_id"), is_delete);
  };
  board_.BeginEntry(At(25), At(20));
  EXPECT_EQ(decide(1, false), Decision::kSkip);
  EXPECT_EQ(decide(2, true), Decision::kPublish);   // announced by an earlier run, perhaps
  EXPECT_EQ(decide(2, false), Decision::kPublish);  // or it would be gone
  EXPECT_EQ(decide(1, false), Decision::kSkip);
  board_.BeginEntry(At(26), At(20));
  EXPECT_EQ(decide(2, false), Decision::kSkip);
  board_.BeginEntry(At(27), At(21));
  EXPECT_EQ(decide(1, false), Decision::kPublish);
}

TEST_F(BoardTest, ForgetsTheChunksOfARemovedCollection) {
  board_.Add(kOrders, "shop.orders", {});
  const auto chunk = board_.Take(At(20));
  board_.Remove(kOrders);
  EXPECT_FALSE(board_.FinishRead(chunk->number, {}));
  board_.Pass(At(30));
  EXPECT_FALSE(board_.Ready().has_value());
  EXPECT_TRUE(board_.complete());
}

TEST_F(BoardTest, ReadsAgainUnderTheNameThatTheCollectionHasBecome) {
  board_.Add(kOrders, "shop.orders", {});
  const auto chunk = board_.Take(At(20));
  board_.FinishRead(chunk->number, {});
  board_.Rename(kOrders, "shop.archive");
  board_.Pass(At(20));
  EXPECT_FALSE(board_.Ready().has_value());
  const auto again = board_.Take(At(20));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->ns, "shop.archive");
}

TEST_F(BoardTest, ACollectionThatIsCopiedAgainIsPublishedAndWaitsOnlyForAnEarlierRead) {
  board_.Add(kOrders, "shop.orders", {}, CopyKind::kAgain);
  EXPECT_EQ(On(1, 11), Decision::kPublish);
  const auto chunk = board_.Take(At(20));
  ASSERT_TRUE(chunk.has_value());
  EXPECT_EQ(On(1, 20), Decision::kPublish);
  EXPECT_EQ(On(1, 21), Decision::kWait);
  EXPECT_EQ(On(1, 21, true), Decision::kWait);
  ASSERT_TRUE(board_.FinishRead(chunk->number, {}));
  EXPECT_EQ(On(1, 21), Decision::kWait);
  board_.HandOver(chunk->number, 1);
  EXPECT_EQ(On(1, 21), Decision::kPublish);
  EXPECT_THAT(board_.Settle(1), ElementsAre(kOrders));
  EXPECT_TRUE(board_.complete());
  EXPECT_EQ(board_.Progress(kOrders).kind, CopyKind::kAgain);
}

TEST_F(BoardTest, WhatIsCopiedByItselfIsNotTheLastOfTheSnapshotAndDoesNotDelayIt) {
  board_.Add(kOrders, "shop.orders", {});
  board_.Add(kOther, "shop.other", {}, CopyKind::kLate);
  const auto orders = board_.Take(At(20));
  const auto other = board_.Take(At(20));
  ASSERT_TRUE(orders.has_value() && other.has_value());
  EXPECT_TRUE(board_.IsLast(orders->number));
  EXPECT_FALSE(board_.IsLast(other->number));
  ASSERT_TRUE(board_.FinishRead(orders->number, {}));
  board_.Pass(At(20));
  board_.HandOver(orders->number, 1);
  EXPECT_THAT(board_.Settle(1), ElementsAre(kOrders));
  EXPECT_TRUE(board_.initial_complete());
  EXPECT_FALSE(board_.complete());
  EXPECT_FALSE(board_.IsUnfinished(kOrders));
  EXPECT_TRUE(board_.IsUnfinished(kOther));
}

}  // namespace
}  // namespace shardtail::snapshot
