#include "encoding/binary_text.h"

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "encoding/digits.h"

namespace shardtail::encoding {
void AppendObjectId(const uint8_t* bytes, Output* out) {
  char* to = WriteHex(bytes, out->Reserve(24));
  to = WriteHex(bytes + 4, to);
  out->Advance(WriteHex(bytes + 8, to));
}

void AppendUpperHexByte(uint8_t byte, Output* out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out->Append(kDigits[byte >> 4]);
  out->Append(kDigits[byte & 0xF]);
}

void AppendUuid(const uint8_t* bytes, Output* out) {
  std::array<char, 32> digits;
  char* from = digits.data();
  for (size_t at = 0; at < 16; at += 4) from = WriteHex(bytes + at, from);
  char* to = out->Reserve(36);
  from = digits.data();
  for (const size_t part : {size_t{8}, size_t{4}, size_t{4}, size_t{4}}) {
    std::memcpy(to, from, part);
    from += part;
    to += part;
    *to++ = '-';
  }
  std::memcpy(to, from, 12);
  out->Advance(to + 12);
}

void AppendBase64(std::string_view bytes, Output* out) {
  std::string text;
  absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()), &text);
  out->Append(text);
}

}  // namespace shardtail::encoding
