#include "base/utf8.h"

#include <gtest/gtest.h>

namespace shardtail::base {
namespace {

TEST(Utf8Test, TakesAllCharactersAndNothingElse) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8({"a\0b", 3}));
  EXPECT_TRUE(IsUtf8("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
  EXPECT_FALSE(IsUtf8("\xed\xb0\x80"));  // half a surrogate pair
  EXPECT_FALSE(IsUtf8("\xc3"));          // cut off
  EXPECT_FALSE(IsUtf8("\xff"));
}

}  // namespace
}  // namespace shardtail::base
