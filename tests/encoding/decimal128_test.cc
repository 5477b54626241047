#include "encoding/decimal128.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "mongo/bson.h"

namespace shardtail::encoding {
namespace {

std::string Text(const uint8_t* value) {
  std::array<char, kDecimal128Size> text;
  return {text.data(), WriteDecimal128(value, text.data())};
}

std::string Text(uint64_t high, uint64_t low) {
  std::array<uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &low, 8);
  std::memcpy(bytes.data() + 8, &high, 8);
  return Text(bytes.data());
}

// Through libbson's parser, which is not ours.
std::string RoundTrip(const std::string& decimal) {
  const auto document = bson::FromJson(R"({"v": {"$numberDecimal": ")" + decimal + R"("}})");
  EXPECT_TRUE(document.ok()) << decimal;
  return Text(document->view().Find("v")->value);
}

TEST(Decimal128Test, KeepsEveryDigitAndTheExponent) {
  for (const char* decimal : {"0",
                              "-0",
                              "1",
                              "-1.5",
                              "1.000",
                              "7.50",
                              "123.45678",
                              "0.001",
                              "0.000001",
                              "0.0000010",
                              "123456789012345678901234567890.1234",
                              "9999999999999999999999999999999999",
                              "-0.000000000000000000000000000000000",
                              "0E+3",
                              "-0E+3",
                              "0E-7",
                              "1E+3",
                              "1.0E+3",
                              "1E-7",
                              "1.2E-7",
                              "1E-6176",
                              "0E-6176",
                              "0E+6111",
                              "-1E+6111",
                              "9.999999999999999999999999999999999E+6144",
                              "Infinity",
                              "-Infinity",
                              "NaN"}) {
    const std::string expected =
        std::string(decimal) == "-0.000000000000000000000000000000000" ? "-0E-33" : decimal;
    EXPECT_EQ(RoundTrip(decimal), expected);
  }
}

TEST(Decimal128Test, WritesClampedExponentsWithTheirZeros) {
  EXPECT_EQ(RoundTrip("1E+6144"), "1.000000000000000000000000000000000E+6144");
  EXPECT_EQ(RoundTrip("0E+7000"), "0E+6111");
}

TEST(Decimal128Test, SwitchesToTheExponentBelowAMillionth) {
  EXPECT_EQ(RoundTrip("0.0000001"), "1E-7");
  EXPECT_EQ(RoundTrip("0.00000012"), "1.2E-7");
  EXPECT_EQ(RoundTrip("0.00000123"), "0.00000123");
}

// What no server stores, but a client may send. As the Java driver writes it.
TEST(Decimal128Test, WritesUnusualBits) {
  EXPECT_EQ(Text(0xFC00000000000000, 0), "NaN");  // negative
  EXPECT_EQ(Text(0x7C00000000000001, 5), "NaN");  // with a payload
  EXPECT_EQ(Text(0xF800000000000001, 5), "-Infinity");
  EXPECT_EQ(Text(0x6C40000000000000, 1), "0E+96");  // a coefficient too large counts as zero
  // 2^113 - 1 is more than 34 nines.
  EXPECT_EQ(Text(0x3041FFFFFFFFFFFF, ~uint64_t{0}), "10384593717069655257060992658440191");
}

}  // namespace
}  // namespace shardtail::encoding
