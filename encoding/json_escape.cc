#include "encoding/json_escape.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "encoding/java_character.h"

namespace shardtail::encoding {
namespace {

// The longest escape of one character: two UTF-16 units as `\\uxxxx` each.
constexpr size_t kLongestEscape = 14;

// The inner JSON's escape of a UTF-16 unit: the driver's, in lower case.
char* WriteInnerEscape(uint32_t unit, char* to) {
  constexpr std::string_view kHex = "0123456789abcdef";
  to = Write(R"(\\u)", to);
  for (int shift = 12; shift >= 0; shift -= 4) *to++ = kHex[unit >> shift & 0xF];
  return to;
}

// The outer JSON's: Jackson's, in upper case.
char* WriteOuterEscape(uint32_t unit, char* to) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  to = Write(R"(\u)", to);
  for (int shift = 12; shift >= 0; shift -= 4) *to++ = kHex[unit >> shift & 0xF];
  return to;
}

constexpr uint32_t HighSurrogate(uint32_t code_point) {
  return 0xD800 + ((code_point - 0x10000) >> 10);
}
constexpr uint32_t LowSurrogate(uint32_t code_point) {
  return 0xDC00 + ((code_point - 0x10000) & 0x3FF);
}

// How many bytes of a block come before the first special one.
size_t PlainBytes(uint32_t special) {
  constexpr uint32_t kBlockEnd = 1U << kBlock;
  return static_cast<size_t>(std::countr_zero(special | kBlockEnd));
}

// What stands for an ASCII character in the outer JSON's string.
struct AsciiText {
  std::array<char, 7> text{};
  uint8_t size = 0;
};

constexpr AsciiText ToAsciiText(Style style, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto make = [](std::string_view text) {
    AsciiText escape;
    for (const char part : text) escape.text[escape.size++] = part;
    return escape;
  };
  switch (c) {
    case '"':
      return make(R"(\\\")");
    case '\\':
      return make(R"(\\\\)");
    case '\b':
      return make(R"(\\b)");
    case '\n':
      return make(R"(\\n)");
    case '\r':
      return make(R"(\\r)");
    case '\t':
      return make(R"(\\t)");
    default:
      break;
  }
  // The key's class knows no \f, and lets DEL pass.
  if (c == '\f' && style == Style::kValue) return make(R"(\\f)");
  if (c >= 0x20 && (c != 0x7F || style == Style::kKey)) return {{c}, 1};
  return {{'\\', '\\', 'u', '0', '0', kHex[static_cast<size_t>(c) >> 4],
           kHex[static_cast<size_t>(c) & 0xF]},
          7};
}

template <Style kStyle>
constexpr std::array<AsciiText, 128> kAsciiTexts = [] {
  std::array<AsciiText, 128> texts;
  for (size_t c = 0; c < texts.size(); ++c) texts[c] = ToAsciiText(kStyle, static_cast<char>(c));
  return texts;
}();

// Writes 8 bytes, of which those before the returned end count.
char* WriteAscii(Style style, char c, char* to) {
  const auto& texts =
      style == Style::kValue ? kAsciiTexts<Style::kValue> : kAsciiTexts<Style::kKey>;
  const AsciiText& text = texts[static_cast<uint8_t>(c)];
  std::memcpy(to, &text, sizeof text);
  return to + text.size;
}

char* WriteCodePoint(Style style, CodePoint point, const char* from, char* to) {
  if (point.value >= 0x10000) {
    // Jackson escapes what takes two UTF-16 units, and only that.
    const auto write = style == Style::kValue ? WriteInnerEscape : WriteOuterEscape;
    return write(LowSurrogate(point.value), write(HighSurrogate(point.value), to));
  }
  if (style == Style::kValue && !IsLiteralInValues(point.value)) {
    return WriteInnerEscape(point.value, to);
  }
  if (point.value == kReplacement) return Write("\uFFFD", to);
  std::memcpy(to, from, point.size);
  return to + point.size;
}

}  // namespace

void AppendLongEscaped(Style style, std::string_view text, const char* readable_end, Output* out) {
  const char* from = text.data();
  const char* const end = from + text.size();
  // Always room for what is left, were it plain, and for the block that may be copied beyond it.
  char* to = out->Reserve(text.size() + kBlock);
  while (from < end) {
    const auto left = static_cast<size_t>(end - from);
    if (static_cast<size_t>(readable_end - from) >= kBlock) {
      const uint32_t special = SpecialBytes(from);
      std::memcpy(to, from, kBlock);
      if (special == 0 && left > kBlock) {
        // Apart from the general case, so that the processor can begin with the next block before
        // it knows what is in this one.
        from += kBlock;
        to += kBlock;
        continue;
      }
      const size_t plain = std::min(left, PlainBytes(special));
      from += plain;
      to += plain;
      if (plain == left || plain == kBlock) continue;
    }
    out->Advance(to);
    to = out->Reserve(kLongestEscape + left + kBlock);
    if ((*from & 0x80) == 0) {
      to = WriteAscii(style, *from++, to);
    } else {
      const CodePoint point = DecodeAsJava({from, static_cast<size_t>(end - from)});
      to = WriteCodePoint(style, point, from, to);
      from += point.size;
    }
  }
  out->Advance(to);
}

std::string QuoteJson(std::string_view text) {
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNames = R"("\bfnrt)";
  std::string quoted = "\"";
  const auto append_escape = [&quoted](uint32_t unit) {
    fmt::format_to(std::back_inserter(quoted), "\\u{:04X}", unit);
  };
  while (!text.empty()) {
    const CodePoint point = DecodeAsJava(text);
    if (const size_t named = kNamed.find(text[0]); named != std::string_view::npos) {
      quoted += '\\';
      quoted += kNames[named];
    } else if (point.value < 0x20) {
      append_escape(point.value);
    } else if (point.value >= 0x10000) {
      append_escape(HighSurrogate(point.value));
      append_escape(LowSurrogate(point.value));
    } else if (point.value == kReplacement) {
      quoted += "\uFFFD";
    } else {
      quoted += text.substr(0, point.size);
    }
    text.remove_prefix(point.size);
  }
  quoted += '"';
  return quoted;
}

}  // namespace shardtail::encoding
