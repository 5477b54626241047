// The bytes of one BSON document, written as a value's JSON, and each of its elements as a key's.

#include <string>
#include <string_view>

#include "encoding/key_json.h"
#include "encoding/output.h"
#include "encoding/value_json.h"
#include "mongo/bson.h"
#include "tests/fuzz/finding.h"

namespace shardtail {
namespace {

// The text goes into a JSON string: so it is read here.
rapidjson::Document RequireJsonString(const std::string& escaped) {
  return fuzz::RequireJson('"' + escaped + '"', "the content of a JSON string");
}

void WriteAsValue(bson::View document) {
  std::string text;
  absl::Status status;
  {
    encoding::Output out(&text);
    status = encoding::AppendValueJson(document, &out);
  }
  const absl::Status valid = bson::Validate(document, encoding::kMaxDepth);
  fuzz::Require(status.ok() == valid.ok(), "written exactly when it is valid BSON",
                status.ok() ? valid.ToString() : status.ToString());
  if (!status.ok()) return;
  const rapidjson::Document json = RequireJsonString(text);
  fuzz::RequireJson({json.GetString(), json.GetStringLength()}, "a JSON document");
}

void WriteAsKey(const bson::Element& id) {
  std::string text;
  absl::Status status;
  {
    encoding::Output out(&text);
    status = encoding::AppendKeyJson(id, &out);
  }
  // Inside the string is Debezium's notation, with NaN and the like: no JSON.
  if (status.ok()) RequireJsonString(text);
}

}  // namespace
}  // namespace shardtail

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardtail;  // NOLINT(google-build-using-namespace)
  const auto framed = bson::View::Create({reinterpret_cast<const char*>(data), size});
  if (!framed.ok()) return 0;
  const fuzz::OwnBytes bytes(framed->bytes());
  const bson::View document = *bson::View::Create(bytes.view());
  WriteAsValue(document);
  bson::Reader reader(document);
  for (bson::Element element; reader.Next(&element);) WriteAsKey(element);
  return 0;
}
