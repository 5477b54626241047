#include "encoding/json_escape.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace shardtail::encoding {
namespace {

// With `behind` bytes after the text that may be read.
std::string Escaped(Style style, std::string_view text, size_t behind = 0) {
  std::vector<char> buffer(text.begin(), text.end());
  buffer.resize(text.size() + behind, '"');
  std::string escaped;
  {
    Output out(&escaped);
    AppendEscaped(style, {buffer.data(), text.size()}, buffer.data() + buffer.size(), &out);
  }
  return escaped;
}

TEST(JsonEscapeTest, EscapesForTheInnerJsonAndThenForTheOuter) {
  for (const Style style : {Style::kValue, Style::kKey}) {
    EXPECT_EQ(Escaped(style, "plain"), "plain");
    EXPECT_EQ(Escaped(style, ""), "");
    EXPECT_EQ(Escaped(style, "a\"b"), R"(a\\\"b)");
    EXPECT_EQ(Escaped(style, "a\\b"), R"(a\\\\b)");
    EXPECT_EQ(Escaped(style, "\b\n\r\t"), R"(\\b\\n\\r\\t)");
    EXPECT_EQ(Escaped(style, {"\0\x1f", 2}), R"(\\u0000\\u001f)");
    EXPECT_EQ(Escaped(style, "</'>"), "</'>");
  }
}

TEST(JsonEscapeTest, FollowsTheJavaDriversWriterInValues) {
  EXPECT_EQ(Escaped(Style::kValue, "\f"), R"(\\f)");
  EXPECT_EQ(Escaped(Style::kValue, "\x7f"), R"(\\u007f)");
  EXPECT_EQ(Escaped(Style::kValue, "é☃日"), "é☃日");
  EXPECT_EQ(Escaped(Style::kValue, "\u2028\uFEFF"), R"(\\u2028\\ufeff)");
  EXPECT_EQ(Escaped(Style::kValue, "\U0001F600"), R"(\\ud83d\\ude00)");
}

TEST(JsonEscapeTest, LeavesWhatIsBeyondAsciiToTheOuterJsonInKeys) {
  EXPECT_EQ(Escaped(Style::kKey, "\f"), R"(\\u000c)");
  EXPECT_EQ(Escaped(Style::kKey, "\x7f"), "\x7f");
  EXPECT_EQ(Escaped(Style::kKey, "é☃\u2028\uFEFF"), "é☃\u2028\uFEFF");
  EXPECT_EQ(Escaped(Style::kKey, "\U0001F600"), R"(\uD83D\uDE00)");
}

TEST(JsonEscapeTest, ReplacesWhatIsNoUtf8) {
  for (const Style style : {Style::kValue, Style::kKey}) {
    EXPECT_EQ(Escaped(style, "a\xFFz\xE2\x82"), "a\uFFFDz\uFFFD");
  }
}

TEST(JsonEscapeTest, DoesNotDependOnWhatLiesBehindTheText) {
  std::mt19937 random(1);
  constexpr std::string_view kPieces[] = {
      "plain text, rather long", "x", "\"", "\\", "\n", "\x01", "é", "\U0001F600", "\xFF"};
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (size_t pieces = random() % 8; pieces > 0; --pieces) {
      text += kPieces[random() % std::size(kPieces)];
    }
    // One by one there is no block to look at as a whole.
    std::string expected;
    for (size_t at = 0; at < text.size();) {
      const size_t size = text.substr(at).starts_with("é")            ? 2
                          : text.substr(at).starts_with("\U0001F600") ? 4
                                                                      : 1;
      expected += Escaped(Style::kValue, text.substr(at, size));
      at += size;
    }
    for (const size_t behind : {0U, 1U, 15U, 16U, 40U}) {
      ASSERT_EQ(Escaped(Style::kValue, text, behind), expected) << text;
    }
  }
}

TEST(JsonEscapeTest, FindsTheSameSpecialBytesWithAndWithoutVectorInstructions) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t at = 0; at < kBlock; ++at) {
      std::string block(kBlock, 'a');
      block[at] = static_cast<char>(byte);
      EXPECT_EQ(SpecialBytes(block.data()), SpecialBytesOneByOne(block.data())) << byte;
    }
  }
}

TEST(QuoteJsonTest, EscapesAsJacksonDoes) {
  EXPECT_EQ(QuoteJson(""), R"("")");
  EXPECT_EQ(QuoteJson("db.coll"), R"("db.coll")");
  EXPECT_EQ(QuoteJson("\"\\/\b\f\n\r\t"), R"("\"\\/\b\f\n\r\t")");
  EXPECT_EQ(QuoteJson({"\0\x1f\x7f", 3}), "\"\\u0000\\u001F\x7f\"");
  EXPECT_EQ(QuoteJson("uni☃ключ"), "\"uni☃ключ\"");
  EXPECT_EQ(QuoteJson("\U0001F600"), R"("\uD83D\uDE00")");
  EXPECT_EQ(QuoteJson("\xFF"), "\"\uFFFD\"");
}

}  // namespace
}  // namespace shardtail::encoding
