#include "encoding/digits.h"

#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <limits>
#include <random>
#include <string>

namespace shardtail::encoding {
namespace {

template <typename T>
std::string Decimal(T number) {
  std::array<char, kIntegerSize> text;
  return {text.data(), WriteInteger(number, text.data())};
}

template <typename T>
std::string ByTheLibrary(T number) {
  std::array<char, 24> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

TEST(DigitsTest, WritesIntegersAroundEveryPowerOfTen) {
  uint64_t power = 1;
  for (int digits = 1; digits <= 20; ++digits, power *= 10) {
    for (const uint64_t number : {power - 1, power, power + 1, power * 5}) {
      EXPECT_EQ(Decimal(number), ByTheLibrary(number));
      const auto negative = -static_cast<int64_t>(number >> 1);
      EXPECT_EQ(Decimal(negative), ByTheLibrary(negative));
    }
  }
}

TEST(DigitsTest, WritesTheLimitsOfEachType) {
  EXPECT_EQ(Decimal(std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(Decimal(std::numeric_limits<int64_t>::max()), "9223372036854775807");
  EXPECT_EQ(Decimal(std::numeric_limits<uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(Decimal(std::numeric_limits<int32_t>::min()), "-2147483648");
  EXPECT_EQ(Decimal(std::numeric_limits<uint32_t>::max()), "4294967295");
}

TEST(DigitsTest, WritesIntegersOfEveryLength) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 300000; ++i) {
    const auto number = static_cast<int64_t>(random() >> (random() % 64));
    ASSERT_EQ(Decimal(number), ByTheLibrary(number));
    ASSERT_EQ(Decimal(-number), ByTheLibrary(-number));
  }
}

// Each step's division, for all that it may divide.
TEST(DigitsTest, DividesExactly) {
  for (uint32_t four = 0; four < 10000; ++four) {
    const std::string text = std::to_string(10000 + four).substr(1);
    for (const bool first : {true, false}) {
      std::array<char, 8> digits;
      const uint32_t number = first ? four * 10000 + 1234 : 12340000 + four;
      WriteDigits(EightDigits(number), 0, digits.data());
      ASSERT_EQ(std::string(digits.data(), 8), first ? text + "1234" : "1234" + text);
    }
  }
}

TEST(DigitsTest, WritesEveryByteInHexadecimal) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::array<uint8_t, 4> bytes = {static_cast<uint8_t>(byte), 0x0F, 0xA9,
                                          static_cast<uint8_t>(255 - byte)};
    std::array<char, 8> text;
    EXPECT_EQ(WriteHex(bytes.data(), text.data()), text.data() + text.size());
    const std::string expected = {
        kDigits[byte >> 4],         kDigits[byte & 15],        '0', 'f', 'a', '9',
        kDigits[(255 - byte) >> 4], kDigits[(255 - byte) & 15]};
    EXPECT_EQ(std::string(text.data(), text.size()), expected);
  }
}

}  // namespace
}  // namespace shardtail::encoding
