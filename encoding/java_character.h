#ifndef SHARDTAIL_ENCODING_JAVA_CHARACTER_H_
#define SHARDTAIL_ENCODING_JAVA_CHARACTER_H_

#include <cstdint>
#include <string_view>

namespace shardtail::encoding {

// How Java reads and classes characters: what Debezium's strings went through.

struct CodePoint {
  uint32_t value = 0;
  uint32_t size = 0;  // bytes that it was read from
};

constexpr uint32_t kReplacement = 0xFFFD;

// The first code point of `utf8`, which must not be empty, as Java's String(bytes, UTF_8) decodes
// it: of what is not UTF-8, the longest start of a character is one U+FFFD, and so is an encoded
// surrogate.
CodePoint DecodeAsJava(std::string_view utf8);

// Whether the driver's JsonWriter writes the code point as it is, by Character.getType of its
// UTF-16 units: letters other than modifiers, numbers, punctuation, symbols, and space separators.
// It escapes everything else, so also whatever takes a pair of surrogates. (`"` and `\`, which pass
// here, are escaped by their own rule.)
bool IsLiteralInValues(uint32_t code_point);

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_JAVA_CHARACTER_H_
