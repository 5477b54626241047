#include "offsets/consistent_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace shardtail::offsets {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr bson::Timestamp At(uint32_t seconds) { return {seconds, 0}; }

StoredOffset Offset(uint32_t seconds, uint32_t waited = 0) {
  return {.position = {At(seconds), 0}, .waited = At(waited)};
}

TEST(ConsistentStartTest, ShardsThatNeverWaitedStartWhereTheyEnded) {
  EXPECT_THAT(ShardsToStartEarlier({{"a", Offset(10)}, {"b", Offset(20)}}), IsEmpty());
}

TEST(ConsistentStartTest, AWaitThatTheOthersHaveStoredToo) {
  EXPECT_THAT(ShardsToStartEarlier({{"a", Offset(15)}, {"b", Offset(20, 15)}}), IsEmpty());
}

TEST(ConsistentStartTest, AShardBehindAWaitRepeatsWhatFollowsTheOther) {
  EXPECT_THAT(ShardsToStartEarlier({{"a", Offset(10)}, {"b", Offset(20, 15)}}),
              ElementsAre(Pair("b", At(10))));
}

TEST(ConsistentStartTest, TheEarliestOfTheOthersDecides) {
  EXPECT_THAT(ShardsToStartEarlier({{"a", Offset(10)}, {"b", Offset(20, 15)}, {"c", Offset(7)}}),
              ElementsAre(Pair("b", At(7))));
}

TEST(ConsistentStartTest, WhoWaitedForOneThatStartsEarlierStartsEarlierToo) {
  EXPECT_THAT(
      ShardsToStartEarlier({{"a", Offset(10)}, {"b", Offset(20, 15)}, {"c", Offset(30, 9)}}),
      ElementsAre(Pair("b", At(10))));
  EXPECT_THAT(
      ShardsToStartEarlier({{"a", Offset(10)}, {"b", Offset(20, 15)}, {"c", Offset(30, 18)}}),
      ElementsAre(Pair("b", At(10)), Pair("c", At(10))));
}

TEST(ConsistentStartTest, ATransactionThatIsNotWholeIsNotPassed) {
  StoredOffset inside = Offset(15);
  inside.position = {{15, 3}, 2};
  EXPECT_THAT(
      ShardsToStartEarlier({{"a", inside}, {"b", {.position = {At(20), 0}, .waited = {15, 4}}}}),
      ElementsAre(Pair("b", bson::Timestamp{15, 2})));
}

TEST(ConsistentStartTest, AnUnfinishedCopyHoldsNobodyBack) {
  StoredOffset copying = Offset(10);
  copying.initsync = true;
  EXPECT_THAT(ShardsToStartEarlier({{"a", copying}, {"b", Offset(20, 15)}}), IsEmpty());
}

}  // namespace
}  // namespace shardtail::offsets
