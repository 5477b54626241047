#include <gtest/gtest.h>

#include "event/change_event.h"

namespace shardtail::event {
namespace {

TEST(NamespaceTest, SplitsAtTheFirstDot) {
  const auto ns = Namespace::Parse("shop.orders.2020");
  ASSERT_TRUE(ns.has_value());
  EXPECT_EQ(ns->database(), "shop");
  EXPECT_EQ(ns->collection(), "orders.2020");
}

TEST(NamespaceTest, NeedsBothParts) {
  EXPECT_FALSE(Namespace::Parse("").has_value());
  EXPECT_FALSE(Namespace::Parse("shop").has_value());
  EXPECT_FALSE(Namespace::Parse(".orders").has_value());
  EXPECT_FALSE(Namespace::Parse("shop.").has_value());
}

}  // namespace
}  // namespace shardtail::event
