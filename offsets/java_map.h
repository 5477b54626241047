#ifndef SHARDTAIL_OFFSETS_JAVA_MAP_H_
#define SHARDTAIL_OFFSETS_JAVA_MAP_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace shardtail::offsets {

// An entry of a Java HashMap<byte[], byte[]>; a missing value is Java's null.
struct JavaMapEntry {
  std::string key;
  std::optional<std::string> value;
  friend bool operator==(const JavaMapEntry&, const JavaMapEntry&) = default;
};

// A java.util.HashMap<byte[], byte[]> as Java's object serialization writes it ("Java Object
// Serialization Specification", chapter 6): the whole content of the file that Kafka Connect
// standalone keeps its offsets in (FileOffsetBackingStore). The order of entries is of no meaning.
std::string SerializeJavaMap(const std::vector<JavaMapEntry>& entries);

// kFailedPrecondition names the byte (from 0) from which on `bytes` is something else.
absl::StatusOr<std::vector<JavaMapEntry>> ParseJavaMap(std::string_view bytes);

}  // namespace shardtail::offsets

#endif  // SHARDTAIL_OFFSETS_JAVA_MAP_H_
