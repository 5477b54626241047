#include "encoding/binary_text.h"

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace shardtail::encoding {
namespace {

// The two digits of each byte.
constexpr std::array<std::array<char, 2>, 256> kHexPairs = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> pairs{};
  for (size_t byte = 0; byte < pairs.size(); ++byte) {
    pairs[byte] = {kDigits[byte >> 4], kDigits[byte & 0xF]};
  }
  return pairs;
}();

char* WriteHex(const uint8_t* bytes, size_t size, char* to) {
  for (size_t i = 0; i < size; ++i) std::memcpy(to + 2 * i, kHexPairs[bytes[i]].data(), 2);
  return to + 2 * size;
}

}  // namespace

void AppendHex(const uint8_t* bytes, size_t size, Output* out) {
  out->Advance(WriteHex(bytes, size, out->Reserve(2 * size)));
}

void AppendUpperHexByte(uint8_t byte, Output* out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out->Append(kDigits[byte >> 4]);
  out->Append(kDigits[byte & 0xF]);
}

void AppendUuid(const uint8_t* bytes, Output* out) {
  char* to = WriteHex(bytes, 4, out->Reserve(36));
  for (const size_t at : {size_t{4}, size_t{6}, size_t{8}}) {
    *to++ = '-';
    to = WriteHex(bytes + at, 2, to);
  }
  *to++ = '-';
  out->Advance(WriteHex(bytes + 10, 6, to));
}

void AppendBase64(std::string_view bytes, Output* out) {
  std::string text;
  absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()), &text);
  out->Append(text);
}

}  // namespace shardtail::encoding
