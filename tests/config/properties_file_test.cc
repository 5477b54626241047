#include "config/properties_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardtail::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

RawProperties Parsed(std::string_view text) {
  const absl::StatusOr<RawProperties> parsed = ParseProperties(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.value_or(RawProperties());
}

std::string ErrorOf(std::string_view text) {
  const absl::StatusOr<RawProperties> parsed = ParseProperties(text);
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(parsed.status().message());
}

TEST(PropertiesFileTest, EqualsColonAndBlanksSeparate) {
  for (const char* line : {"a=1", "a:1", "a 1", "a\t1", "a\f1", "a = 1", "a : 1", "  a\t=\t1"}) {
    EXPECT_THAT(Parsed(line), ElementsAre(Pair("a", "1"))) << line;
  }
}

TEST(PropertiesFileTest, OnlyTheFirstSeparatorSeparates) {
  EXPECT_THAT(Parsed("a==1"), ElementsAre(Pair("a", "=1")));
  EXPECT_THAT(Parsed("a =: 1"), ElementsAre(Pair("a", ": 1")));
  EXPECT_THAT(Parsed("hosts=rs0/h:1,g:2"), ElementsAre(Pair("hosts", "rs0/h:1,g:2")));
}

TEST(PropertiesFileTest, AValueKeepsItsBlanksAtTheEndAndMayBeMissing) {
  EXPECT_THAT(Parsed("a=1 \nb=\nc\nd:"),
              ElementsAre(Pair("a", "1 "), Pair("b", ""), Pair("c", ""), Pair("d", "")));
}

TEST(PropertiesFileTest, CommentsAndBlankLinesAreNothing) {
  EXPECT_THAT(Parsed("# a=1\n  ! b=2\n\n \t\f\nc=3 # not a comment"),
              ElementsAre(Pair("c", "3 # not a comment")));
  EXPECT_THAT(Parsed("# a comment goes not on \\\nb=2"), ElementsAre(Pair("b", "2")));
  EXPECT_THAT(Parsed(""), IsEmpty());
}

TEST(PropertiesFileTest, LinesEndInAnyOfThreeWays) {
  EXPECT_THAT(Parsed("a=1\nb=2\r\nc=3\rd=4"),
              ElementsAre(Pair("a", "1"), Pair("b", "2"), Pair("c", "3"), Pair("d", "4")));
}

TEST(PropertiesFileTest, ABackslashAtTheEndContinuesTheLine) {
  EXPECT_THAT(Parsed("list=a,\\\n    b,\\\r\n\tc\nnext=1"),
              ElementsAre(Pair("list", "a,b,c"), Pair("next", "1")));
  EXPECT_THAT(Parsed("li\\\n  st=1"), ElementsAre(Pair("list", "1")));
  EXPECT_THAT(Parsed("a=1\\\n# part of it"), ElementsAre(Pair("a", "1# part of it")));
  EXPECT_THAT(Parsed("a=1\\\n\nb=2"), ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_THAT(Parsed("\\\n# nothing yet\na=1"), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(Parsed("a=1\\"), ElementsAre(Pair("a", "1")));
}

TEST(PropertiesFileTest, TwoBackslashesAtTheEndAreOneAndNoContinuation) {
  EXPECT_THAT(Parsed("a=1\\\\\nb=2"), ElementsAre(Pair("a", "1\\"), Pair("b", "2")));
}

TEST(PropertiesFileTest, EscapesStandForCharacters) {
  EXPECT_THAT(Parsed(R"(a=\t|\n|\r|\f|\\|\=|\q)"), ElementsAre(Pair("a", "\t|\n|\r|\f|\\|=|q")));
  EXPECT_THAT(Parsed(R"(a\ b\:c\=d=1)"), ElementsAre(Pair("a b:c=d", "1")));
  EXPECT_THAT(Parsed(R"(list=a\\.b,c\\,d)"), ElementsAre(Pair("list", R"(a\.b,c\,d)")));
}

TEST(PropertiesFileTest, UnicodeEscapesBecomeUtf8) {
  EXPECT_THAT(Parsed(R"(a=\u00e9\u20AC\ud83d\ude00!)"), ElementsAre(Pair("a", "é€😀!")));
  EXPECT_THAT(Parsed(R"(\u0061=1)"), ElementsAre(Pair("a", "1")));
}

TEST(PropertiesFileTest, TheTextIsUtf8WithOrWithoutAMark) {
  EXPECT_THAT(Parsed("a=é€😀"), ElementsAre(Pair("a", "é€😀")));
  EXPECT_THAT(Parsed("\xef\xbb\xbf"
                     "a=1"),
              ElementsAre(Pair("a", "1")));
}

TEST(PropertiesFileTest, TheLastValueOfANameCounts) {
  EXPECT_THAT(Parsed("a=1\na=2"), ElementsAre(Pair("a", "2")));
}

TEST(PropertiesFileTest, MistakesNameTheLine) {
  EXPECT_EQ(ErrorOf("a=1\n\n# c\nb=\\u12x4"), "line 4: \\u needs four hexadecimal digits after it");
  EXPECT_EQ(ErrorOf("a=\\u12"), "line 1: \\u needs four hexadecimal digits after it");
  EXPECT_EQ(ErrorOf("a=1,\\\n  2,\\\n  \\u+123"),
            "line 1: \\u needs four hexadecimal digits after it");
  EXPECT_EQ(ErrorOf("a=\\ud83dx"), "line 1: \\ud83d is one half of a surrogate pair");
  EXPECT_EQ(ErrorOf("a=\\ude00"), "line 1: \\ude00 is one half of a surrogate pair");
  EXPECT_EQ(ErrorOf("a=\\ud83d\\u0041"), "line 1: \\ud83d is one half of a surrogate pair");
  EXPECT_EQ(ErrorOf("a=1\n=2"), "line 2: a property's name is missing");
}

TEST(PropertiesFileTest, OtherEncodingsAreAMistake) {
  const char* const remedy = "is not UTF-8; save the file as UTF-8, or write \\uXXXX";
  EXPECT_EQ(ErrorOf("a=1\nb=caf\xe9\nc=1"), std::string("line 2: ") + remedy);
  EXPECT_EQ(ErrorOf("a=caf\xc3"), std::string("line 1: ") + remedy);
}

}  // namespace
}  // namespace shardtail::config
