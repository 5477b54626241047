#include "config/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardtail::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string ErrorOf(const absl::Status& status) { return std::string(status.message()); }

TEST(ValuesTest, ABooleanIsTrueOrFalseInAnyCase) {
  EXPECT_TRUE(*ParseBoolean("true"));
  EXPECT_TRUE(*ParseBoolean(" TRUE "));
  EXPECT_FALSE(*ParseBoolean("False"));
  for (const char* text : {"", "yes", "1", "truee"}) EXPECT_FALSE(ParseBoolean(text).ok()) << text;
  EXPECT_EQ(ErrorOf(ParseBoolean("yes").status()), "'yes' is neither true nor false");
}

TEST(ValuesTest, AnIntegerIsWholeAndInItsRange) {
  EXPECT_EQ(*ParseInteger("42", kPositive), 42);
  EXPECT_EQ(*ParseInteger(" +7\t", kPositive), 7);
  EXPECT_EQ(*ParseInteger("-1", {-1, 5}), -1);
  EXPECT_EQ(*ParseInteger("2147483647", kNotNegative), kLargestInt);
  for (const char* text : {"", " ", "1.5", "1e3", "0x10", "ten", "--1", "+", "1 2"}) {
    EXPECT_EQ(ErrorOf(ParseInteger(text, kPositive).status()),
              "'" + std::string(text) + "' is not a whole number");
  }
}

TEST(ValuesTest, ANumberOutOfRangeIsToldTheRange) {
  EXPECT_EQ(ErrorOf(ParseInteger("0", kPositive).status()), "0 is out of range: 1 to 2147483647");
  EXPECT_EQ(ErrorOf(ParseInteger("-3", kPositive).status()), "-3 is out of range: 1 to 2147483647");
  EXPECT_EQ(ErrorOf(ParseInteger("99999999999999999999", {1, 65535}).status()),
            "99999999999999999999 is out of range: 1 to 65535");
}

TEST(ValuesTest, AHostNameEndsWithItsOrdinal) {
  EXPECT_EQ(OrdinalOf("shardtail-0"), 0);
  EXPECT_EQ(OrdinalOf("my-capture-12"), 12);
  EXPECT_EQ(OrdinalOf("shardtail-3.shardtail.prod-1.svc"), 3);
  for (const char* name : {"", "-", "-1", "shardtail", "shardtail3", "shardtail-", "shardtail-x3",
                           "shardtail-03", "shardtail-3a", "shardtail-99999999999", "a.b-1"}) {
    EXPECT_EQ(OrdinalOf(name), std::nullopt) << name;
  }
}

TEST(ValuesTest, AListIsTrimmedAndItsEmptyElementsAreLeftOut) {
  EXPECT_THAT(SplitList(" a , b,,c ,"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(SplitList(""), IsEmpty());
  EXPECT_THAT(SplitList(" , "), IsEmpty());
}

TEST(ValuesTest, PatternsAreSplitAtCommasThatNoBackslashStandsBefore) {
  const auto patterns = ParsePatterns(R"( a\,b , shop\\,c{1\,2} ,, )");
  ASSERT_TRUE(patterns.ok()) << patterns.status();
  ASSERT_EQ(patterns->size(), 3U);
  EXPECT_TRUE(*(*patterns)[0].FullMatch("A,B"));
  EXPECT_TRUE(*(*patterns)[1].FullMatch(R"(Shop\)"));
  EXPECT_EQ((*patterns)[2].pattern(), R"(c{1\,2})");
}

TEST(ValuesTest, EveryWrongPatternIsNamedWithItsPosition) {
  EXPECT_EQ(ErrorOf(ParsePatterns("good,a(b,[c").status()),
            "invalid regular expression 'a(b': missing closing parenthesis at character 4\n"
            "invalid regular expression '[c': missing terminating ] for character class at "
            "character 3");
}

}  // namespace
}  // namespace shardtail::config
