#include "encoding/java_character.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace shardtail::encoding {
namespace {

// `R` for each replacement, and the other characters' bytes.
std::string Decoded(std::string_view utf8) {
  std::string text;
  while (!utf8.empty()) {
    const CodePoint point = DecodeAsJava(utf8);
    text += point.value == kReplacement ? "R" : std::string(utf8.substr(0, point.size));
    utf8.remove_prefix(point.size);
  }
  return text;
}

TEST(DecodeAsJavaTest, ReadsCodePointsOfEveryLength) {
  EXPECT_EQ(DecodeAsJava("a").value, 0x61U);
  EXPECT_EQ(DecodeAsJava(std::string_view("\0", 1)).value, 0U);
  EXPECT_EQ(DecodeAsJava("\u0080").value, 0x80U);
  EXPECT_EQ(DecodeAsJava("\u07FF").value, 0x7FFU);
  EXPECT_EQ(DecodeAsJava("\u0800").value, 0x800U);
  EXPECT_EQ(DecodeAsJava("\uFFFF").value, 0xFFFFU);
  EXPECT_EQ(DecodeAsJava("\U00010000").value, 0x10000U);
  EXPECT_EQ(DecodeAsJava("\U0010FFFF").value, 0x10FFFFU);
  EXPECT_EQ(DecodeAsJava("\U0010FFFF").size, 4U);
}

TEST(DecodeAsJavaTest, ReplacesEachBeginningOfACharacterThatDoesNotGoOn) {
  EXPECT_EQ(Decoded("\x80|\xBF|\xC2|\xC2"), "R|R|R|R");
  EXPECT_EQ(Decoded("\xE2\x82|\xE2|\xE2\x82"), "R|R|R");
  EXPECT_EQ(Decoded("\xF0\x9F\x98|\xF0\x9F|\xF0|\xF0\x9F\x98"), "R|R|R|R");
  EXPECT_EQ(Decoded("\xE2\x82\xE2\x82\xAC"), "R\u20AC");
}

TEST(DecodeAsJavaTest, ReplacesEveryByteOfFormsThatAreTooLongOrTooLarge) {
  EXPECT_EQ(Decoded("\xC0\x80"), "RR");
  EXPECT_EQ(Decoded("\xE0\x9F\xBF"), "RRR");
  EXPECT_EQ(Decoded("\xF0\x8F\xBF\xBF"), "RRRR");
  EXPECT_EQ(Decoded("\xF4\x90\x80\x80"), "RRRR");
  EXPECT_EQ(Decoded("\xF5\x80\xFF"), "RRR");
}

TEST(DecodeAsJavaTest, TakesAnEncodedSurrogateForOneBrokenCharacter) {
  EXPECT_EQ(Decoded("\xED\xA0\x80|\xED\xBF\xBF"), "R|R");
  EXPECT_EQ(Decoded("\xED\xA0|"), "R|");
  EXPECT_EQ(Decoded("\xED\x9F\xBF"), "\uD7FF");
}

TEST(IsLiteralInValuesTest, TakesLettersNumbersPunctuationSymbolsAndBlanks) {
  for (const char32_t c : std::u32string_view(
           U"aZ09 !~\u00A0\u00E4\u00DF\u0436\u05D0\u2160\u2603\u20AC\u3000\u65E5\uFFFD")) {
    EXPECT_TRUE(IsLiteralInValues(c)) << static_cast<uint32_t>(c);
  }
}

TEST(IsLiteralInValuesTest, DeniesControlsMarksModifierLettersPrivateUseAndTheUnassigned) {
  for (const char32_t c :
       U"\u0001\u001F\u007F\u0080\u009F\u00AD\u02B0\u0300\u0378\u200B\u2028\u2029\uE000\uFEFF\uFFFE"
       U"\uFFFF\U0001F600\U0010FFFF") {
    EXPECT_FALSE(IsLiteralInValues(c)) << static_cast<uint32_t>(c);
  }
}

// Counted with the command in java_character_table.h.
TEST(IsLiteralInValuesTest, TakesAsManyOfTheUnitsAsJavaDoes) {
  int literal = 0;
  for (uint32_t c = 0; c < 0x10000; ++c) literal += IsLiteralInValues(c) ? 1 : 0;
  EXPECT_EQ(literal, 53767 + 95);
}

}  // namespace
}  // namespace shardtail::encoding
