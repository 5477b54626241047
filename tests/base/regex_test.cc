#include "base/regex.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace shardtail::base {
namespace {

bool Matches(std::string_view pattern, std::string_view text, bool ignore_case = true) {
  const absl::StatusOr<Regex> regex = Regex::Create(pattern, ignore_case);
  EXPECT_TRUE(regex.ok()) << regex.status();
  const absl::StatusOr<bool> matches = regex->FullMatch(text);
  EXPECT_TRUE(matches.ok()) << matches.status();
  return matches.value_or(false);
}

std::string ErrorOf(std::string_view pattern) {
  const absl::StatusOr<Regex> regex = Regex::Create(pattern, /*ignore_case=*/true);
  EXPECT_EQ(regex.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(regex.status().message());
}

TEST(RegexTest, MatchesTheWholeText) {
  EXPECT_TRUE(Matches("shop\\..*", "shop.orders"));
  EXPECT_FALSE(Matches("shop", "shop.orders"));
  EXPECT_FALSE(Matches("orders", "shop.orders"));
  EXPECT_FALSE(Matches("shop.orders$", "shop.orders\n"));
}

TEST(RegexTest, AnAlternativeThatIsTooShortIsNotTheLastWord) {
  EXPECT_TRUE(Matches("a|ab", "ab"));
  EXPECT_TRUE(Matches("a*?", "aaa"));
}

TEST(RegexTest, IgnoresCaseWhenAsked) {
  EXPECT_TRUE(Matches("shop", "SHOP"));
  EXPECT_TRUE(Matches("größe", "GRÖßE"));
  EXPECT_FALSE(Matches("shop", "SHOP", /*ignore_case=*/false));
}

TEST(RegexTest, KnowsWhatJavasExpressionsKnow) {
  EXPECT_TRUE(Matches("(?!test).*", "prod"));
  EXPECT_FALSE(Matches("(?!test).*", "testing"));
  EXPECT_TRUE(Matches("(?<name>a)\\k<name>", "aa"));
  EXPECT_TRUE(Matches("\\Qa.b\\E", "a.b"));
  EXPECT_TRUE(Matches("\\p{Lu}+", "ÄÖ", /*ignore_case=*/false));
  EXPECT_TRUE(Matches("a++b", "aab"));
  EXPECT_TRUE(Matches("a\\,b", "a,b"));
}

TEST(RegexTest, ADotIsOneCharacterNotOneByte) { EXPECT_TRUE(Matches(".", "☃")); }

TEST(RegexTest, TheEmptyPatternMatchesTheEmptyText) {
  EXPECT_TRUE(Matches("", ""));
  EXPECT_FALSE(Matches("", "a"));
}

TEST(RegexTest, WhatIsWrongIsNamedWithItsPosition) {
  EXPECT_EQ(ErrorOf("a(b"),
            "invalid regular expression 'a(b': missing closing parenthesis at character 4");
  EXPECT_EQ(ErrorOf("*"),
            "invalid regular expression '*': quantifier does not follow a repeatable item at "
            "character 1");
  EXPECT_EQ(ErrorOf("[b-a]"),
            "invalid regular expression '[b-a]': range out of order in character class at "
            "character 4");
}

TEST(RegexTest, APatternThatRunsAwayIsStopped) {
  const absl::StatusOr<Regex> regex = Regex::Create("(x+x+)+y", /*ignore_case=*/true);
  ASSERT_TRUE(regex.ok());
  const absl::StatusOr<bool> matches = regex->FullMatch(std::string(200, 'x') + "yz");
  EXPECT_EQ(matches.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(std::string(matches.status().message()).find("(x+x+)+y"), std::string::npos);
}

TEST(RegexTest, ACopyMatchesAfterTheOriginalIsGone) {
  auto original = Regex::Create("a.*", /*ignore_case=*/true);
  ASSERT_TRUE(original.ok());
  const Regex copy = *original;
  original = absl::CancelledError();
  EXPECT_EQ(copy.pattern(), "a.*");
  EXPECT_TRUE(*copy.FullMatch("abc"));
}

TEST(RegexTest, AnyOfSeveralIsEnough) {
  const std::vector<Regex> patterns = {*Regex::Create("shop\\..*", false),
                                       *Regex::Create("a.b", false)};
  EXPECT_TRUE(AnyFullMatch(patterns, "shop.orders"));
  EXPECT_TRUE(AnyFullMatch(patterns, "a.b"));
  EXPECT_FALSE(AnyFullMatch(patterns, "a.bc"));
  EXPECT_FALSE(AnyFullMatch({}, "a.b"));
}

TEST(RegexTest, AnyOfSeveralPassesOverOneThatHitsTheLimit) {
  const std::vector<Regex> patterns = {*Regex::Create("(x+x+)+y", false),
                                       *Regex::Create("x+", false)};
  EXPECT_TRUE(AnyFullMatch(patterns, std::string(200, 'x')));
}

}  // namespace
}  // namespace shardtail::base
