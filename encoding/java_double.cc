#include "encoding/java_double.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "encoding/digits.h"
#include "encoding/output.h"

namespace shardtail::encoding {
namespace {

char* WriteText(std::string_view text, char* to) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

char* WriteZeros(int count, char* to) {
  std::memset(to, '0', static_cast<size_t>(count));
  return to + count;
}

// A decimal number: digits d₁d₂…dₙ, the point after the first, times 10^exponent.
struct Decimal {
  std::array<char, 20> digits;
  int size = 0;
  int exponent = 0;

  std::string_view From(int first) const {
    return {digits.data() + first, static_cast<size_t>(size - first)};
  }
};

// Reads `d.ddde±xx`.
Decimal Parse(std::string_view scientific) {
  Decimal decimal;
  size_t at = 0;
  for (; scientific[at] != 'e'; ++at) {
    if (scientific[at] == '.') continue;
    decimal.digits[static_cast<size_t>(decimal.size++)] = scientific[at];
  }
  const bool negative = scientific[at + 1] == '-';
  for (at += 2; at < scientific.size(); ++at) {
    decimal.exponent = decimal.exponent * 10 + (scientific[at] - '0');
  }
  if (negative) decimal.exponent = -decimal.exponent;
  return decimal;
}

Decimal ShortestDecimal(double value) {
  std::array<char, kJavaDoubleSize> text;
  char* const end = text.data() + text.size();
  const char* stop = std::to_chars(text.data(), end, value, std::chars_format::scientific).ptr;
  Decimal decimal = Parse({text.data(), static_cast<size_t>(stop - text.data())});
  if (decimal.size == 1 && value < std::numeric_limits<double>::min()) {
    // Java looks for the nearest of two digits where one would do. That matters for the smallest
    // numbers only: 5e-324 is 4.9E-324.
    stop = std::to_chars(text.data(), end, value, std::chars_format::scientific, 1).ptr;
    decimal = Parse({text.data(), static_cast<size_t>(stop - text.data())});
    if (decimal.digits[1] == '0') decimal.size = 1;
  }
  return decimal;
}

// Writes a number below 10^7 that eight decimals or fewer behind the point say exactly enough, as
// most that people store; null for others. With at most 15 digits no other number of as few digits
// reads back as the same double (std::numeric_limits<double>::digits10), so these are the shortest.
char* WriteFewDecimals(double value, char* to) {
  constexpr uint32_t kScale = 100'000'000;
  const auto scaled = static_cast<uint64_t>(value * kScale + 0.5);
  if (static_cast<double>(scaled) / kScale != value) return nullptr;
  to = WriteInteger(scaled / kScale, to);
  *to++ = '.';
  const uint64_t decimals = EightDigits(static_cast<uint32_t>(scaled % kScale));
  const int zeros = std::countl_zero(decimals | 1) / 8;  // at the end; the first digit stands
  return WriteDigits(decimals, 0, to) - zeros;
}

char* WriteScientific(const Decimal& decimal, char* to) {
  *to++ = decimal.digits[0];
  *to++ = '.';
  to = decimal.size > 1 ? WriteText(decimal.From(1), to) : Write("0", to);
  *to++ = 'E';
  return std::to_chars(to, to + 5, decimal.exponent).ptr;
}

char* WritePlain(const Decimal& decimal, char* to) {
  if (decimal.exponent < 0) {
    to = Write("0.", to);
    to = WriteZeros(-decimal.exponent - 1, to);
    return WriteText(decimal.From(0), to);
  }
  const int whole = decimal.exponent + 1;
  if (decimal.size <= whole) {
    to = WriteText(decimal.From(0), to);
    to = WriteZeros(whole - decimal.size, to);
    return Write(".0", to);
  }
  to = WriteText(decimal.From(0).substr(0, static_cast<size_t>(whole)), to);
  *to++ = '.';
  return WriteText(decimal.From(whole), to);
}

}  // namespace

char* WriteJavaDouble(double value, char* to) {
  if (std::isnan(value)) return Write("NaN", to);
  if (std::signbit(value)) *to++ = '-';
  const double size = std::abs(value);
  if (std::isinf(size)) return Write("Infinity", to);
  const bool plain = size == 0 || (size >= 1e-3 && size < 1e7);
  if (plain) {
    if (char* const end = WriteFewDecimals(size, to); end != nullptr) return end;
  }
  const Decimal decimal = ShortestDecimal(size);
  return plain ? WritePlain(decimal, to) : WriteScientific(decimal, to);
}

}  // namespace shardtail::encoding
