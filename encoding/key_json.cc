#include "encoding/key_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <type_traits>

#include "base/status_macros.h"
#include "encoding/binary_text.h"
#include "encoding/decimal128.h"
#include "encoding/java_double.h"
#include "encoding/json_escape.h"
#include "encoding/value_json.h"

namespace shardtail::encoding {
namespace {

using bson::Element;
using bson::Type;

constexpr size_t kUuidSize = 16;
constexpr uint8_t kLegacyUuid = 3;
constexpr uint8_t kStandardUuid = 4;

// The quotes in the JSON's own text are escaped already: it stands in a string.
class KeyJsonWriter {
 public:
  KeyJsonWriter(const Element& id, Output* out)
      : readable_end_(reinterpret_cast<const char*>(id.value + id.value_size)), out_(*out) {}

  absl::Status Value(const Element& element, int depth);

 private:
  absl::Status Members(const Element& parent, int depth);
  void Text(std::string_view text);
  void Wrapped(std::string_view operator_name, std::string_view text);
  void Binary(const Element& element);
  void Uuid(const Element& element);
  // Literals and integers.
  template <typename... Part>
  absl::Status Append(const Part&... parts) {
    (AppendPart(parts), ...);
    return absl::OkStatus();
  }
  template <typename Part>
  void AppendPart(const Part& part) {
    if constexpr (std::is_array_v<Part>) {
      out_.Append(part);
    } else {
      out_.AppendInteger(part);
    }
  }

  const char* const readable_end_;
  Output& out_;
};

absl::Status KeyJsonWriter::Value(const Element& element, int depth) {
  switch (element.type) {
    case Type::kInt32:
      return Append(element.AsInt32());
    case Type::kInt64:
      return Append(element.AsInt64());
    case Type::kDouble:
      out_.Advance(WriteJavaDouble(element.AsDouble(), out_.Reserve(kJavaDoubleSize)));
      return absl::OkStatus();
    case Type::kString:
      Text(element.AsString());
      return absl::OkStatus();
    case Type::kObjectId:
      out_.Append(R"({ \"$oid\" : \")");
      AppendObjectId(element.AsObjectId(), &out_);
      return Append(R"(\"})");
    case Type::kDocument:
    case Type::kArray:
      return Members(element, depth);
    case Type::kBinary:
      Binary(element);
      return absl::OkStatus();
    case Type::kDate:
      return Append(R"({ \"$date\" : )", element.AsDateMillis(), "}");
    case Type::kBool:
      return element.AsBool() ? Append("true") : Append("false");
    case Type::kNull:
      return Append(" null ");
    case Type::kDecimal128:
      out_.Append(R"({ \"$numberDecimal\" : \")");
      out_.Advance(WriteDecimal128(element.value, out_.Reserve(kDecimal128Size)));
      return Append(R"(\"})");
    case Type::kCode:
      Wrapped("$code", element.AsString());
      return absl::OkStatus();
    case Type::kSymbol:
      Wrapped("$symbol", element.AsString());
      return absl::OkStatus();
    case Type::kUndefined:
      return Append(R"({ \"$undefined\" : true})");
    case Type::kMinKey:
      return Append(R"({ \"$minKey\" : 1})");
    case Type::kMaxKey:
      return Append(R"({ \"$maxKey\" : 1})");
    case Type::kTimestamp:
    case Type::kRegex:
    case Type::kDbPointer:
    case Type::kCodeWithScope:
      break;
  }
  return AppendValueJson(element, &out_);
}

// `{ "a" : 1 , "b" : 2}`, `[ 1 , 2]`, and `{ }`, `[ ]` for the empty ones.
absl::Status KeyJsonWriter::Members(const Element& parent, int depth) {
  if (depth == kMaxDepth) {
    return absl::DataLossError(
        fmt::format("an _id that cannot be written: nested deeper than {} levels", kMaxDepth));
  }
  const bool is_array = parent.type == Type::kArray;
  out_.Append(is_array ? '[' : '{');
  out_.Append(' ');
  bson::Reader reader(parent.AsDocument());
  Element element;
  bool first = true;
  while (reader.Next(&element)) {
    if (!first) out_.Append(" , ");
    first = false;
    if (!is_array) {
      Text(element.name);
      out_.Append(" : ");
    }
    SHARDTAIL_RETURN_IF_ERROR(Value(element, depth + 1));
  }
  out_.Append(is_array ? ']' : '}');
  if (reader.corrupt()) {
    return absl::DataLossError("an _id that cannot be written: its BSON is broken");
  }
  return absl::OkStatus();
}

void KeyJsonWriter::Text(std::string_view text) {
  out_.Append(R"(\")");
  AppendEscaped(Style::kKey, text, readable_end_, &out_);
  out_.Append(R"(\")");
}

void KeyJsonWriter::Wrapped(std::string_view operator_name, std::string_view text) {
  out_.Append(R"({ \")");
  out_.Append(operator_name);
  out_.Append(R"(\" : )");
  Text(text);
  out_.Append('}');
}

void KeyJsonWriter::Binary(const Element& element) {
  const uint8_t subtype = element.BinarySubtype();
  const std::string_view data = element.BinaryData();
  if ((subtype == kLegacyUuid || subtype == kStandardUuid) && data.size() == kUuidSize) {
    return Uuid(element);
  }
  out_.Append(R"({ \"$binary\" : \")");
  AppendBase64(data, &out_);
  out_.Append(R"(\" , \"$type\" : )");
  out_.AppendInteger(int{static_cast<int8_t>(subtype)});  // Java's byte is signed
  out_.Append('}');
}

void KeyJsonWriter::Uuid(const Element& element) {
  std::array<uint8_t, kUuidSize> bytes;
  std::copy_n(element.BinaryData().begin(), kUuidSize, bytes.begin());
  if (element.BinarySubtype() == kLegacyUuid) {
    // The old Java driver stored each half as a little-endian number.
    std::reverse(bytes.begin(), bytes.begin() + kUuidSize / 2);
    std::reverse(bytes.begin() + kUuidSize / 2, bytes.end());
  }
  out_.Append(R"({ \"$uuid\" : \")");
  AppendUuid(bytes.data(), &out_);
  out_.Append(R"(\"})");
}

}  // namespace

absl::Status AppendKeyJson(const Element& id, Output* out) {
  return KeyJsonWriter(id, out).Value(id, 0);
}

}  // namespace shardtail::encoding
