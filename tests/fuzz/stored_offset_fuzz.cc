// What an offset store may hold: a value or a key of Kafka Connect's topic, and the file of
// Connect's standalone mode. What was read and is written is read as the same again.

#include <string>
#include <string_view>

#include "base/log.h"
#include "offsets/connect_format.h"
#include "offsets/java_map.h"
#include "tests/fuzz/finding.h"

namespace shardtail::offsets {
namespace {

constexpr std::string_view kConnector = "mongo-src";
constexpr std::string_view kLogicalName = "dbserver1";

void RequirePrecondition(const absl::Status& status) {
  fuzz::Require(absl::IsFailedPrecondition(status), "a failed precondition", status.ToString());
}

void ReadValue(std::string_view text) {
  const auto offset = DecodeValue(text);
  if (!offset.ok()) return RequirePrecondition(offset.status());
  const std::string written = EncodeValue(*offset);
  fuzz::RequireJson(written, "JSON");
  const auto again = DecodeValue(written);
  fuzz::Require(again.ok(), "readable when it is written", written);
  fuzz::Require(again->position == offset->position && again->session == offset->session &&
                    again->h == offset->h && again->initsync == offset->initsync,
                "the same offset", written);
  fuzz::Require(EncodeValue(*again) == written, "written as before", written);
}

void ReadEntry(std::string_view key, std::optional<std::string_view> value) {
  ConnectorOffsets offsets((std::string(kConnector)), std::string(kLogicalName), "the store");
  offsets.Add(key, value);
  const auto decoded = offsets.Decode();
  if (!decoded.ok()) return RequirePrecondition(decoded.status());
  for (const auto& [replica_set, offset] : *decoded) {
    fuzz::Require(EncodeKey(kConnector, kLogicalName, replica_set) == key, "found by its key", key);
  }
}

void ReadFile(std::string_view bytes) {
  const auto entries = ParseJavaMap(bytes);
  if (!entries.ok()) return RequirePrecondition(entries.status());
  for (const JavaMapEntry& entry : *entries) ReadEntry(entry.key, entry.value);
  const std::string written = SerializeJavaMap(*entries);
  const auto again = ParseJavaMap(written);
  fuzz::Require(again.ok() && *again == *entries, "the same map");
  fuzz::Require(SerializeJavaMap(*again) == written, "written as before");
}

}  // namespace
}  // namespace shardtail::offsets

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  shardtail::base::ConfigureLog({.level = shardtail::base::LogLevel::kError});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardtail;  // NOLINT(google-build-using-namespace)
  const fuzz::OwnBytes bytes({reinterpret_cast<const char*>(data), size});
  offsets::ReadValue(bytes.view());
  offsets::ReadEntry(bytes.view(), R"({"sec":1,"ord":2})");
  offsets::ReadFile(bytes.view());
  return 0;
}
