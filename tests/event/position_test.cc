#include "event/position.h"

#include <gtest/gtest.h>

namespace shardtail::event {
namespace {

TEST(PositionTest, OrdersBySecondsThenIncrementThenIndex) {
  EXPECT_LT((Position{{1, 9}, 0}), (Position{{2, 1}, 0}));
  EXPECT_LT((Position{{2, 1}, 5}), (Position{{2, 2}, 0}));
  EXPECT_LT((Position{{2, 2}, 1}), (Position{{2, 2}, 2}));
  EXPECT_EQ((Position{{2, 2}, 1}), (Position{{2, 2}, 1}));
}

TEST(PositionTest, SaysItsIndexOnlyInsideATransaction) {
  EXPECT_EQ(ToString(Position{{1600000000, 7}, 0}), "(1600000000, 7)");
  EXPECT_EQ(ToString(Position{{1600000000, 7}, 3}), "(1600000000, 7, 3)");
}

}  // namespace
}  // namespace shardtail::event
