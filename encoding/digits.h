#ifndef SHARDTAIL_ENCODING_DIGITS_H_
#define SHARDTAIL_ENCODING_DIGITS_H_

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace shardtail::encoding {

// Digits by the word: eight at a time in the bytes of a number, the first in the lowest byte.
static_assert(std::endian::native == std::endian::little);

// What WriteInteger() may write, with what stands behind the text's end and does not count.
constexpr size_t kIntegerSize = 24;

// The values of the eight decimal digits, with leading zeros, of a number below 10^8. Each step
// halves the parts, all of them at once; 10486 / 2^20 and 103 / 2^10 are near enough to 1/100 and
// 1/10 for what they divide.
inline uint64_t EightDigits(uint32_t number) {
  const uint64_t fours = number / 10'000 + (uint64_t{number % 10'000} << 32);
  const uint64_t hundreds = ((fours * 10'486) >> 20) & 0x0000'007F'0000'007F;
  const uint64_t twos = hundreds + ((fours - hundreds * 100) << 16);
  const uint64_t tens = ((twos * 103) >> 10) & 0x000F'000F'000F'000F;
  return tens + ((twos - tens * 10) << 8);
}

// Writes the eight digits without the first `left_out` of them, and returns the end. Writes eight
// bytes.
inline char* WriteDigits(uint64_t digits, int left_out, char* to) {
  const uint64_t text = (digits + 0x3030'3030'3030'3030) >> (8 * left_out);
  std::memcpy(to, &text, sizeof text);
  return to + 8 - left_out;
}

// Writes a number in decimal and returns the end; `to` must have room for kIntegerSize bytes.
inline char* WriteInteger(std::integral auto number, char* to) {
  constexpr uint32_t kEight = 100'000'000;
  auto rest = static_cast<uint64_t>(number);
  if constexpr (std::is_signed_v<decltype(number)>) {
    if (number < 0) {
      *to++ = '-';
      rest = 0 - rest;
    }
  }
  uint64_t first = rest;
  if (rest >= kEight) first = rest / kEight;
  if (first >= kEight) first /= kEight;
  const uint64_t digits = EightDigits(static_cast<uint32_t>(first));
  // All eight are zeros: the last one stands.
  to = WriteDigits(digits, std::countr_zero(digits | uint64_t{1} << 56) / 8, to);
  if (rest >= uint64_t{kEight} * kEight) {
    to = WriteDigits(EightDigits(static_cast<uint32_t>(rest / kEight % kEight)), 0, to);
  }
  if (rest >= kEight) to = WriteDigits(EightDigits(static_cast<uint32_t>(rest % kEight)), 0, to);
  return to;
}

// Writes four bytes as eight lower-case hexadecimal digits, and returns the end.
inline char* WriteHex(const uint8_t* bytes, char* to) {
  uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  // A byte into each 16 bits, and then its halves into the two bytes there.
  uint64_t spread = (word | uint64_t{word} << 16) & 0x0000'FFFF'0000'FFFF;
  spread = (spread | spread << 8) & 0x00FF'00FF'00FF'00FF;
  const uint64_t halves =
      ((spread >> 4) & 0x000F'000F'000F'000F) | ((spread & 0x000F'000F'000F'000F) << 8);
  const uint64_t letters = ((halves + 0x0606'0606'0606'0606) >> 4) & 0x0101'0101'0101'0101;
  const uint64_t text = halves + 0x3030'3030'3030'3030 + letters * ('a' - '0' - 10);
  std::memcpy(to, &text, sizeof text);
  return to + sizeof text;
}

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_DIGITS_H_
