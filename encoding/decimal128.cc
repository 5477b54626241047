#include "encoding/decimal128.h"

#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include "absl/numeric/int128.h"
#include "encoding/output.h"
#include "mongo/bson.h"

namespace shardtail::encoding {
namespace {

constexpr int kExponentBias = 6176;

char* WriteText(std::string_view text, char* to) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

// Decimal digits, at least one.
class Digits {
 public:
  explicit Digits(absl::uint128 number) {
    do {
      bytes_[--first_] = static_cast<char>('0' + static_cast<int>(number % 10));
      number /= 10;
    } while (number != 0);
  }
  std::string_view text() const { return {bytes_.data() + first_, bytes_.size() - first_}; }

 private:
  std::array<char, 39> bytes_;
  size_t first_ = bytes_.size();
};

char* WriteScientific(std::string_view digits, int exponent, char* to) {
  *to++ = digits[0];
  if (digits.size() > 1) {
    *to++ = '.';
    to = WriteText(digits.substr(1), to);
  }
  *to++ = 'E';
  if (exponent > 0) *to++ = '+';
  return std::to_chars(to, to + 5, exponent).ptr;
}

// `decimals` digits stand after the point.
char* WritePlain(std::string_view digits, size_t decimals, char* to) {
  if (decimals == 0) return WriteText(digits, to);
  if (decimals >= digits.size()) {
    to = Write("0.", to);
    to = WriteText(std::string_view("000000").substr(0, decimals - digits.size()), to);
    return WriteText(digits, to);
  }
  to = WriteText(digits.substr(0, digits.size() - decimals), to);
  *to++ = '.';
  return WriteText(digits.substr(digits.size() - decimals), to);
}

}  // namespace

// The layout (IEEE 754-2008, binary integer significand), from the highest bit: 1 sign; then 14 of
// exponent and 113 of coefficient, or, when the two bits after the sign are ones, those two, 14 of
// exponent, and a coefficient too large to be valid, which counts as zero. 11110 after the sign is
// infinity, 11111 is NaN.
char* WriteDecimal128(const uint8_t* value, char* to) {
  const auto low = bson::Load<uint64_t>(value);
  const auto high = bson::Load<uint64_t>(value + 8);
  if ((high >> 58 & 0x1F) == 0x1F) return Write("NaN", to);
  if (high >> 63 != 0) *to++ = '-';
  if ((high >> 58 & 0x1F) == 0x1E) return Write("Infinity", to);

  const bool large = (high >> 61 & 3) == 3;
  const int exponent = static_cast<int>(high >> (large ? 47 : 49) & 0x3FFF) - kExponentBias;
  const uint64_t high_coefficient = high & ((uint64_t{1} << 49) - 1);
  const Digits digits(large ? absl::uint128(0) : absl::MakeUint128(high_coefficient, low));
  const std::string_view text = digits.text();
  const int adjusted = exponent + static_cast<int>(text.size()) - 1;
  if (exponent <= 0 && adjusted >= -6) return WritePlain(text, static_cast<size_t>(-exponent), to);
  return WriteScientific(text, adjusted, to);
}

}  // namespace shardtail::encoding
