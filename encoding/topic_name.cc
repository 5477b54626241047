#include "encoding/topic_name.h"

#include "encoding/java_character.h"

namespace shardtail::encoding {
namespace {

constexpr bool IsLetterOrUnderscore(uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool IsInSchemaName(uint32_t c) {
  return IsLetterOrUnderscore(c) || (c >= '0' && c <= '9') || c == '.';
}
constexpr bool IsInTopicName(uint32_t c) { return IsInSchemaName(c) || c == '-'; }

template <typename Predicate>
std::string Adjust(std::string_view name, Predicate is_valid) {
  std::string adjusted;
  while (!name.empty()) {
    const CodePoint point = DecodeAsJava(name);
    name.remove_prefix(point.size);
    if (is_valid(point.value, adjusted.empty())) {
      adjusted += static_cast<char>(point.value);
    } else {
      adjusted.append(point.value < 0x10000 ? 1 : 2, '_');
    }
  }
  return adjusted;
}

}  // namespace

std::string ToTopicName(std::string_view name) {
  return Adjust(name, [](uint32_t c, bool) { return IsInTopicName(c); });
}

std::string ToSchemaName(std::string_view name) {
  return Adjust(name, [](uint32_t c, bool first) {
    return first ? IsLetterOrUnderscore(c) : IsInSchemaName(c);
  });
}

}  // namespace shardtail::encoding
