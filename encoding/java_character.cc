#include "encoding/java_character.h"

#include <array>

#include "encoding/java_character_table.h"

namespace shardtail::encoding {
namespace {

// One bit for each UTF-16 unit.
constexpr std::array<uint64_t, 1024> MakeLiteralBits() {
  std::array<uint64_t, 1024> bits{};
  bool literal = false;
  uint32_t unit = 0;
  for (const uint32_t change : kLiteralChanges) {
    for (; unit < change; ++unit) {
      if (literal) bits[unit / 64] |= uint64_t{1} << unit % 64;
    }
    literal = !literal;
  }
  return bits;
}
static_assert(std::size(kLiteralChanges) % 2 == 0, "U+FFFF is not literal");

constexpr std::array<uint64_t, 1024> kLiteralBits = MakeLiteralBits();

// What the bytes after a first byte may be.
struct Sequence {
  uint32_t size = 1;
  uint8_t second_from = 0x80;
  uint8_t second_to = 0xBF;
};

// Size 1: no first byte of a longer sequence.
constexpr Sequence SequenceOf(uint8_t first) {
  if (first < 0xC2 || first > 0xF4) return {};
  if (first < 0xE0) return {.size = 2};
  if (first == 0xE0) return {.size = 3, .second_from = 0xA0};
  if (first < 0xF0) return {.size = 3};
  if (first == 0xF0) return {.size = 4, .second_from = 0x90};
  if (first == 0xF4) return {.size = 4, .second_to = 0x8F};
  return {.size = 4};
}

}  // namespace

CodePoint DecodeAsJava(std::string_view utf8) {
  const auto first = static_cast<uint8_t>(utf8[0]);
  if (first < 0x80) return {first, 1};
  const Sequence sequence = SequenceOf(first);
  if (sequence.size == 1) return {kReplacement, 1};
  uint32_t value = first & (0x7FU >> sequence.size);
  for (uint32_t i = 1; i < sequence.size; ++i) {
    const uint8_t byte = i < utf8.size() ? static_cast<uint8_t>(utf8[i]) : 0;
    const uint8_t from = i == 1 ? sequence.second_from : 0x80;
    const uint8_t to = i == 1 ? sequence.second_to : 0xBF;
    if (byte < from || byte > to) return {kReplacement, i};
    value = value << 6 | (byte & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value < 0xE000;
  return {surrogate ? kReplacement : value, sequence.size};
}

bool IsLiteralInValues(uint32_t code_point) {
  return code_point < 0x10000 && (kLiteralBits[code_point / 64] >> code_point % 64 & 1) != 0;
}

}  // namespace shardtail::encoding
