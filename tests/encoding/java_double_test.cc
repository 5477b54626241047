#include "encoding/java_double.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace shardtail::encoding {
namespace {

std::string Java(double value) {
  std::array<char, kJavaDoubleSize> text;
  return {text.data(), WriteJavaDouble(value, text.data())};
}

TEST(JavaDoubleTest, HasAtLeastOneDigitBehindThePoint) {
  EXPECT_EQ(Java(0), "0.0");
  EXPECT_EQ(Java(-0.0), "-0.0");
  EXPECT_EQ(Java(1), "1.0");
  EXPECT_EQ(Java(-42), "-42.0");
  EXPECT_EQ(Java(100), "100.0");
  EXPECT_EQ(Java(0.5), "0.5");
  EXPECT_EQ(Java(-1234567.25), "-1234567.25");
}

TEST(JavaDoubleTest, IsScientificBelowAThousandthAndFromTenMillion) {
  EXPECT_EQ(Java(0.001), "0.001");
  EXPECT_EQ(Java(0.00123), "0.00123");
  EXPECT_EQ(Java(std::nextafter(0.001, 0)), "9.999999999999998E-4");
  EXPECT_EQ(Java(0.0001), "1.0E-4");
  EXPECT_EQ(Java(9999999), "9999999.0");
  EXPECT_EQ(Java(9999999.5), "9999999.5");
  EXPECT_EQ(Java(std::nextafter(1e7, 0)), "9999999.999999998");
  EXPECT_EQ(Java(1e7), "1.0E7");
  EXPECT_EQ(Java(-123456789.125), "-1.23456789125E8");
  EXPECT_EQ(Java(1e300), "1.0E300");
}

TEST(JavaDoubleTest, WritesTheShortestDigits) {
  EXPECT_EQ(Java(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(Java(1.0 / 3), "0.3333333333333333");
  // Java before 19 wrote 1.9999999999999998E23, 9.999999999999999E22 and 8.409999999999999E21.
  EXPECT_EQ(Java(2e23), "2.0E23");
  EXPECT_EQ(Java(1e23), "1.0E23");
  EXPECT_EQ(Java(8.41e21), "8.41E21");
}

TEST(JavaDoubleTest, WritesTheLimits) {
  EXPECT_EQ(Java(std::numeric_limits<double>::max()), "1.7976931348623157E308");
  EXPECT_EQ(Java(std::numeric_limits<double>::lowest()), "-1.7976931348623157E308");
  EXPECT_EQ(Java(std::numeric_limits<double>::min()), "2.2250738585072014E-308");
  EXPECT_EQ(Java(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(Java(-std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(Java(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(Java(-std::numeric_limits<double>::infinity()), "-Infinity");
}

// Of the numbers that one digit tells apart, Java writes the nearest two.
TEST(JavaDoubleTest, WritesTwoDigitsOfTheSmallest) {
  const double smallest = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(Java(smallest), "4.9E-324");
  EXPECT_EQ(Java(-smallest), "-4.9E-324");
  EXPECT_EQ(Java(2 * smallest), "9.9E-324");
  EXPECT_EQ(Java(3 * smallest), "1.5E-323");
  EXPECT_EQ(Java(4 * smallest), "2.0E-323");
}

// What people store has few decimals, and takes a way of its own.
TEST(JavaDoubleTest, WritesFewDecimalsAsTheLibraryDoes) {
  const auto plain = [](double value) {
    std::array<char, kJavaDoubleSize> text;
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed).ptr;
    std::string digits(text.data(), end);
    return digits.find('.') == std::string::npos ? digits + ".0" : digits;
  };
  std::mt19937_64 random(2);
  for (int i = 0; i < 200000; ++i) {
    const double scale = std::pow(10, static_cast<double>(random() % 10));
    const double value = static_cast<double>(random() % 1'000'000'000'000'000) / 1e8 / scale;
    for (const double near : {value, std::nextafter(value, 0), std::nextafter(value, 1e9),
                              std::round(value * scale) / scale}) {
      if (near < 1e-3 || near >= 1e7) continue;
      ASSERT_EQ(Java(near), plain(near));
      ASSERT_EQ(Java(-near), "-" + plain(near));
    }
  }
}

TEST(JavaDoubleTest, ReadsBackAsTheSameNumber) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; ++i) {
    const uint64_t bits = random();
    const auto value = std::bit_cast<double>(bits);
    if (value != value) continue;
    EXPECT_EQ(std::bit_cast<uint64_t>(std::strtod(Java(value).c_str(), nullptr)), bits);
  }
}

}  // namespace
}  // namespace shardtail::encoding
