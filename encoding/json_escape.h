#ifndef SHARDTAIL_ENCODING_JSON_ESCAPE_H_
#define SHARDTAIL_ENCODING_JSON_ESCAPE_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "encoding/output.h"

namespace shardtail::encoding {

// The documents stand as JSON inside the strings of the record's JSON, so their own strings are
// escaped twice: `"` is `\"` in the inner JSON and `\\\"` in the outer one. Both happen in one pass
// here.

constexpr size_t kBlock = 16;

// Bit i is set when block[i] may need an escape: a control character, `"`, `\`, DEL, or a byte of a
// character beyond ASCII.
inline uint32_t SpecialBytesOneByOne(const char* block) {
  uint32_t special = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const char c = block[i];
    if (c < 0x20 || c == '"' || c == '\\' || c == 0x7F || (c & 0x80) != 0) special |= 1U << i;
  }
  return special;
}

inline uint32_t SpecialBytes(const char* block) {
#ifdef __SSE2__
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block));
  // Signed: what is beyond ASCII is less than a blank too.
  const __m128i control = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));
  const __m128i any = _mm_or_si128(_mm_or_si128(control, quote), _mm_or_si128(backslash, del));
  return static_cast<uint32_t>(_mm_movemask_epi8(any));
#else
  return SpecialBytesOneByOne(block);
#endif
}

// The two ways to escape a string in the inner JSON.
enum class Style {
  // As the driver's JsonWriter: all control characters escaped, and what IsLiteralInValues() denies
  // as \uxxxx (a pair of surrogates as two).
  kValue,
  // As the legacy driver's JSON class: `"`, `\`, \b, \n, \r and \t escaped, everything beyond ASCII
  // left to the outer JSON. The other control characters, which that class drops, are escaped as
  // \u00xx.
  kKey,
};

// Any string; `readable_end` as for AppendEscaped().
void AppendLongEscaped(Style style, std::string_view text, const char* readable_end, Output* out);

// Whether the text is at most a block that may be read as a whole, and needs no escape. Then its
// bytes are the first of that block.
inline bool IsPlainInBlock(std::string_view text, const char* readable_end) {
  if (text.size() > kBlock) return false;
  if (static_cast<size_t>(readable_end - text.data()) < kBlock) return false;
  return (SpecialBytes(text.data()) & ((1U << text.size()) - 1)) == 0;
}

// Appends `text`, which is UTF-8 or what Java makes of it, escaped for both JSONs, without quotes.
// The bytes up to `readable_end`, which is not before the text's end, may be read: a short string
// inside a document can so be looked at as one block.
inline void AppendEscaped(Style style, std::string_view text, const char* readable_end,
                          Output* out) {
  if (!IsPlainInBlock(text, readable_end)) {
    AppendLongEscaped(style, text, readable_end, out);
    return;
  }
  char* to = out->Reserve(kBlock);
  std::memcpy(to, text.data(), kBlock);
  out->Advance(to + text.size());
}

// `text` as a string of the outer JSON alone, with its quotes, as Jackson writes it: what takes two
// UTF-16 units is escaped as two, everything else beyond ASCII stands as it is.
std::string QuoteJson(std::string_view text);

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_JSON_ESCAPE_H_
