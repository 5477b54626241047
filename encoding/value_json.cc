#include "encoding/value_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "encoding/binary_text.h"
#include "encoding/decimal128.h"
#include "encoding/java_double.h"
#include "encoding/json_escape.h"

namespace shardtail::encoding {
namespace {

using bson::Element;
using bson::Type;

// The functions return false after Fail(). The quotes in the JSON's own text are escaped already:
// it stands in a string.
class ValueJsonWriter {
 public:
  ValueJsonWriter(const uint8_t* readable_end, Output* out)
      : readable_end_(reinterpret_cast<const char*>(readable_end)), out_(*out) {}

  bool Document(bson::View document, int depth);
  bool Value(const Element& element, int depth);

  const absl::Status& status() const { return status_; }

 private:
  bool Array(bson::View array, int depth);
  bool Scalar(const Element& element);
  bool CodeWithScope(const Element& element, int depth);
  void Name(std::string_view name);
  void Text(std::string_view text) { AppendEscaped(Style::kValue, text, readable_end_, &out_); }
  void Double(double value);
  void Binary(const Element& element);
  void Regex(const Element& element);
  void DbPointer(const Element& element);

  // Literals and integers.
  template <typename... Part>
  bool Append(const Part&... parts) {
    (AppendPart(parts), ...);
    return true;
  }
  template <typename Part>
  void AppendPart(const Part& part) {
    if constexpr (std::is_array_v<Part>) {
      out_.Append(part);
    } else {
      out_.AppendInteger(part);
    }
  }

  bool Fail(std::string_view what);
  bool CheckEnd(const bson::Reader& reader, const Element& last);

  const char* const readable_end_;
  Output& out_;
  absl::Status status_;
};

bool ValueJsonWriter::Document(bson::View document, int depth) {
  if (depth == kMaxDepth) return Fail(fmt::format("nested deeper than {} levels", kMaxDepth));
  out_.Append('{');
  bson::Reader reader(document);
  Element element;
  bool first = true;
  while (reader.Next(&element)) {
    if (!first) out_.Append(',');
    first = false;
    Name(element.name);
    if (!Value(element, depth)) return false;
  }
  out_.Append('}');
  return CheckEnd(reader, element);
}

bool ValueJsonWriter::Array(bson::View array, int depth) {
  if (depth == kMaxDepth) return Fail(fmt::format("nested deeper than {} levels", kMaxDepth));
  out_.Append('[');
  bson::Reader reader(array);
  Element element;
  bool first = true;
  while (reader.Next(&element)) {
    if (!first) out_.Append(',');
    first = false;
    if (!Value(element, depth)) return false;
  }
  out_.Append(']');
  return CheckEnd(reader, element);
}

void ValueJsonWriter::Name(std::string_view name) {
  if (IsPlainInBlock(name, readable_end_)) {  // nearly always: one step instead of three
    char* to = Write(R"(\")", out_.Reserve(kBlock + 8));
    std::memcpy(to, name.data(), kBlock);
    out_.Advance(Write(R"(\": )", to + name.size()));
    return;
  }
  out_.Append(R"(\")");
  Text(name);
  out_.Append(R"(\": )");
}

bool ValueJsonWriter::Value(const Element& element, int depth) {
  switch (element.type) {
    case Type::kDocument:
      return Document(element.AsDocument(), depth + 1);
    case Type::kArray:
      return Array(element.AsDocument(), depth + 1);
    case Type::kCodeWithScope:
      return CodeWithScope(element, depth);
    default:
      return Scalar(element);
  }
}

bool ValueJsonWriter::Scalar(const Element& element) {
  switch (element.type) {
    case Type::kString:
      out_.Append(R"(\")");
      Text(element.AsString());
      return Append(R"(\")");
    case Type::kInt32:
      return Append(element.AsInt32());
    case Type::kInt64:
      return Append(R"({\"$numberLong\": \")", element.AsInt64(), R"(\"})");
    case Type::kDouble:
      Double(element.AsDouble());
      return true;
    case Type::kObjectId:
      out_.Append(R"({\"$oid\": \")");
      AppendObjectId(element.AsObjectId(), &out_);
      return Append(R"(\"})");
    case Type::kBool:
      return element.AsBool() ? Append("true") : Append("false");
    case Type::kDate:
      return Append(R"({\"$date\": )", element.AsDateMillis(), "}");
    case Type::kNull:
      return Append("null");
    case Type::kUndefined:
      return Append(R"({\"$undefined\": true})");
    case Type::kMinKey:
      return Append(R"({\"$minKey\": 1})");
    case Type::kMaxKey:
      return Append(R"({\"$maxKey\": 1})");
    case Type::kTimestamp: {
      const bson::Timestamp time = element.AsTimestamp();
      return Append(R"({\"$timestamp\": {\"t\": )", time.seconds, R"(,\"i\": )", time.increment,
                    "}}");
    }
    case Type::kDecimal128:
      out_.Append(R"({\"$numberDecimal\": \")");
      out_.Advance(WriteDecimal128(element.value, out_.Reserve(kDecimal128Size)));
      return Append(R"(\"})");
    case Type::kCode:
      out_.Append(R"({\"$code\": \")");
      Text(element.AsString());
      return Append(R"(\"})");
    case Type::kSymbol:
      out_.Append(R"({\"$symbol\": \")");
      Text(element.AsString());
      return Append(R"(\"})");
    case Type::kBinary:
      Binary(element);
      return true;
    case Type::kRegex:
      Regex(element);
      return true;
    case Type::kDbPointer:
      DbPointer(element);
      return true;
    case Type::kDocument:
    case Type::kArray:
    case Type::kCodeWithScope:
      break;
  }
  return Fail(fmt::format("a value of the unknown BSON type 0x{:02x}",
                          static_cast<unsigned>(element.type)));
}

void ValueJsonWriter::Double(double value) {
  // Bare, as 1.3.1 writes them, they are no JSON.
  const bool finite = std::isfinite(value);
  if (!finite) out_.Append(R"({\"$numberDouble\": \")");
  out_.Advance(WriteJavaDouble(value, out_.Reserve(kJavaDoubleSize)));
  if (!finite) out_.Append(R"(\"})");
}

void ValueJsonWriter::Binary(const Element& element) {
  out_.Append(R"({\"$binary\": \")");
  AppendBase64(element.BinaryData(), &out_);
  out_.Append(R"(\",\"$type\": \")");
  AppendUpperHexByte(element.BinarySubtype(), &out_);
  out_.Append(R"(\"})");
}

void ValueJsonWriter::Regex(const Element& element) {
  const auto* bytes = reinterpret_cast<const char*>(element.value);
  const std::string_view pattern(bytes);
  std::string options(bytes + pattern.size() + 1);
  std::sort(options.begin(), options.end());  // the Java driver does
  out_.Append(R"({\"$regex\": \")");
  Text(pattern);
  out_.Append(R"(\",\"$options\": \")");
  AppendEscaped(Style::kValue, options, options.data() + options.size(), &out_);
  out_.Append(R"(\"})");
}

void ValueJsonWriter::DbPointer(const Element& element) {
  const size_t name_size = element.value_size - 4 - 1 - 12;
  out_.Append(R"({\"$ref\": \")");
  Text({reinterpret_cast<const char*>(element.value) + 4, name_size});
  out_.Append(R"(\",\"$id\": {\"$oid\": \")");
  AppendObjectId(element.value + element.value_size - 12, &out_);
  out_.Append(R"(\"}})");
}

bool ValueJsonWriter::CodeWithScope(const Element& element, int depth) {
  const auto code_size = bson::Load<uint32_t>(element.value + 4) - 1;
  const uint32_t scope_at = 4 + 4 + code_size + 1;
  out_.Append(R"({\"$code\": \")");
  Text({reinterpret_cast<const char*>(element.value) + 8, code_size});
  out_.Append(R"(\",\"$scope\": )");
  const auto scope = bson::View::Unchecked(element.value + scope_at, element.value_size - scope_at);
  return Document(scope, depth + 1) && Append("}");
}

bool ValueJsonWriter::Fail(std::string_view what) {
  status_ = absl::DataLossError(fmt::format("a document that cannot be written as JSON: {}", what));
  return false;
}

bool ValueJsonWriter::CheckEnd(const bson::Reader& reader, const Element& last) {
  if (!reader.corrupt()) return true;
  if (last.value == nullptr) return Fail("its BSON is broken at the first element");
  return Fail(fmt::format("its BSON is broken after element '{}'", last.name));
}

}  // namespace

absl::Status AppendValueJson(bson::View document, Output* out) {
  ValueJsonWriter writer(document.data() + document.size(), out);
  writer.Document(document, 0);
  return writer.status();
}

absl::Status AppendValueJson(const Element& element, Output* out) {
  ValueJsonWriter writer(element.value + element.value_size, out);
  writer.Value(element, 0);
  return writer.status();
}

}  // namespace shardtail::encoding
