#include "mongo/bson.h"

#include <bson/bson.h>
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/status_macros.h"

namespace shardtail::bson {
namespace {

// A length-prefixed string with its final zero: the number of bytes it takes, 0 when broken.
uint64_t StringSize(const uint8_t* at, uint64_t left) {
  if (left < 5) return 0;
  const auto length = Load<uint32_t>(at);
  if (length < 1 || length > left - 4 || at[4 + length - 1] != 0) return 0;
  return 4 + uint64_t{length};
}

uint64_t DocumentSize(const uint8_t* at, uint64_t left) {
  if (left < 5) return 0;
  const auto length = Load<uint32_t>(at);
  if (length < 5 || length > left || at[length - 1] != 0) return 0;
  return length;
}

}  // namespace

uint64_t Reader::VariableSize(Type type, const uint8_t* at, uint64_t left) {
  switch (type) {
    case Type::kString:
    case Type::kCode:
    case Type::kSymbol:
      return StringSize(at, left);
    case Type::kDocument:
    case Type::kArray:
      return DocumentSize(at, left);
    case Type::kBinary: {
      if (left < 5) return 0;
      const auto length = Load<uint32_t>(at);
      return length > left - 5 ? 0 : 5 + uint64_t{length};
    }
    case Type::kRegex: {
      const void* pattern_end = std::memchr(at, 0, left);
      if (pattern_end == nullptr) return 0;
      const uint64_t used =
          static_cast<uint64_t>(static_cast<const uint8_t*>(pattern_end) - at) + 1;
      const void* options_end = std::memchr(at + used, 0, left - used);
      if (options_end == nullptr) return 0;
      return static_cast<uint64_t>(static_cast<const uint8_t*>(options_end) - at) + 1;
    }
    case Type::kDbPointer: {
      const uint64_t name = StringSize(at, left);
      return name == 0 || left - name < 12 ? 0 : name + 12;
    }
    case Type::kCodeWithScope: {
      if (left < 14) return 0;
      const auto length = Load<uint32_t>(at);
      if (length < 14 || length > left) return 0;
      const uint64_t code = StringSize(at + 4, length - 4);
      if (code == 0) return 0;
      return DocumentSize(at + 4 + code, length - 4 - code) == length - 4 - code ? length : 0;
    }
    default:
      return 0;
  }
}

absl::StatusOr<View> View::Create(std::string_view bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint64_t size = DocumentSize(data, bytes.size());
  if (size == 0) {
    return absl::DataLossError(fmt::format("{} bytes that are no BSON document", bytes.size()));
  }
  return View(data, static_cast<uint32_t>(size));
}

std::optional<Element> View::Find(std::string_view name) const {
  if (!present()) return std::nullopt;
  Reader reader(*this);
  Element element;
  while (reader.Next(&element)) {
    if (element.name == name) return element;
  }
  return std::nullopt;
}

std::string_view Element::BinaryData() const {
  const auto* data = reinterpret_cast<const char*>(value + 5);
  size_t size = value_size - 5;
  if (BinarySubtype() == 2 && size >= 4) {
    data += 4;
    size -= 4;
  }
  return {data, size};
}

std::optional<int64_t> Element::GetInteger() const {
  switch (type) {
    case Type::kInt32:
      return AsInt32();
    case Type::kInt64:
      return AsInt64();
    case Type::kDouble: {
      const double number = AsDouble();
      if (!(std::abs(number) < 0x1p63) || number != std::trunc(number)) return std::nullopt;
      return static_cast<int64_t>(number);
    }
    default:
      return std::nullopt;
  }
}

std::optional<std::string_view> Element::GetString() const {
  if (type != Type::kString) return std::nullopt;
  return AsString();
}

std::optional<View> Element::GetDocument() const {
  if (type != Type::kDocument && type != Type::kArray) return std::nullopt;
  return AsDocument();
}

bool Element::IsTrue() const {
  if (type == Type::kBool) return AsBool();
  if (type == Type::kDouble) return AsDouble() != 0;
  return GetInteger().value_or(0) != 0;
}

const uint8_t* Reader::FindLastZero(const uint8_t* at) const {
  for (; at < end_; ++at) {
    if (*at == 0) return at;
  }
  return nullptr;
}

absl::Status Validate(View document, int max_depth) {
  if (max_depth == 0) return absl::DataLossError("BSON nested too deeply");
  Reader reader(document);
  Element element;
  while (reader.Next(&element)) {
    if (element.type == Type::kDocument || element.type == Type::kArray) {
      SHARDTAIL_RETURN_IF_ERROR(Validate(element.AsDocument(), max_depth - 1));
    } else if (element.type == Type::kCodeWithScope) {
      const uint32_t code = 4 + Load<uint32_t>(element.value + 4);
      SHARDTAIL_RETURN_IF_ERROR(Validate(
          View::Unchecked(element.value + 4 + code, element.value_size - 4 - code), max_depth - 1));
    }
  }
  if (reader.corrupt()) {
    return absl::DataLossError(fmt::format("broken BSON after element '{}'", element.name));
  }
  return absl::OkStatus();
}

template <typename T>
void Builder::Put(T value) {
  std::array<char, sizeof(T)> raw;
  std::memcpy(raw.data(), &value, sizeof value);
  bytes_.append(raw.data(), raw.size());
}

void Builder::Begin(Type type, std::string_view name) {
  if (finished_) {  // view() closed the document; go on writing
    bytes_.pop_back();
    finished_ = false;
  }
  bytes_ += static_cast<char>(type);
  bytes_ += name;
  bytes_ += '\0';
}

Builder& Builder::Double(std::string_view name, double value) {
  Begin(Type::kDouble, name);
  Put(value);
  return *this;
}
Builder& Builder::String(std::string_view name, std::string_view value) {
  Begin(Type::kString, name);
  Put(static_cast<uint32_t>(value.size() + 1));
  bytes_ += value;
  bytes_ += '\0';
  return *this;
}
Builder& Builder::Int32(std::string_view name, int32_t value) {
  Begin(Type::kInt32, name);
  Put(value);
  return *this;
}
Builder& Builder::Int64(std::string_view name, int64_t value) {
  Begin(Type::kInt64, name);
  Put(value);
  return *this;
}
Builder& Builder::Bool(std::string_view name, bool value) {
  Begin(Type::kBool, name);
  bytes_ += value ? '\1' : '\0';
  return *this;
}
Builder& Builder::Null(std::string_view name) {
  Begin(Type::kNull, name);
  return *this;
}
Builder& Builder::MinKey(std::string_view name) {
  Begin(Type::kMinKey, name);
  return *this;
}
Builder& Builder::MaxKey(std::string_view name) {
  Begin(Type::kMaxKey, name);
  return *this;
}
Builder& Builder::Time(std::string_view name, Timestamp value) {
  Begin(Type::kTimestamp, name);
  Put(value.increment);
  Put(value.seconds);
  return *this;
}
Builder& Builder::ObjectId(std::string_view name, const std::array<uint8_t, 12>& value) {
  Begin(Type::kObjectId, name);
  bytes_.append(reinterpret_cast<const char*>(value.data()), value.size());
  return *this;
}
Builder& Builder::Uuid(std::string_view name, const std::array<uint8_t, 16>& value) {
  constexpr uint8_t kUuidSubtype = 4;
  Begin(Type::kBinary, name);
  Put(static_cast<uint32_t>(value.size()));
  Put(kUuidSubtype);
  bytes_.append(reinterpret_cast<const char*>(value.data()), value.size());
  return *this;
}
Builder& Builder::SubDocument(std::string_view name, View value) {
  Begin(Type::kDocument, name);
  bytes_ += value.bytes();
  return *this;
}
Builder& Builder::SubArray(std::string_view name, View value) {
  Begin(Type::kArray, name);
  bytes_ += value.bytes();
  return *this;
}
Builder& Builder::Value(std::string_view name, const Element& element) {
  Begin(element.type, name);
  bytes_.append(reinterpret_cast<const char*>(element.value), element.value_size);
  return *this;
}
Builder& Builder::OpenDocument(std::string_view name) {
  Begin(Type::kDocument, name);
  const auto start = static_cast<uint32_t>(bytes_.size());
  std::array<char, sizeof start> raw;
  std::memcpy(raw.data(), &start, sizeof start);
  open_.append(raw.data(), raw.size());
  Put(uint32_t{0});
  return *this;
}
Builder& Builder::OpenArray(std::string_view name) {
  OpenDocument(name);
  const auto start = Load<uint32_t>(
      reinterpret_cast<const uint8_t*>(open_.data() + open_.size() - sizeof(uint32_t)));
  bytes_[start - name.size() - 2] = static_cast<char>(Type::kArray);
  return *this;
}
Builder& Builder::Close() {
  const auto start = Load<uint32_t>(
      reinterpret_cast<const uint8_t*>(open_.data() + open_.size() - sizeof(uint32_t)));
  open_.resize(open_.size() - sizeof(uint32_t));
  bytes_ += '\0';
  const auto size = static_cast<uint32_t>(bytes_.size() - start);
  std::memcpy(bytes_.data() + start, &size, sizeof size);
  return *this;
}

void Builder::Clear() {
  bytes_.assign(4, '\0');
  open_.clear();
  finished_ = false;
}

View Builder::view() {
  if (!finished_) {
    bytes_ += '\0';
    finished_ = true;
  }
  const auto size = static_cast<uint32_t>(bytes_.size());
  std::memcpy(bytes_.data(), &size, sizeof size);
  return View::Unchecked(reinterpret_cast<const uint8_t*>(bytes_.data()), size);
}

Document Builder::Build() { return Document(view()); }

std::string ToDebugString(View document) {
  bson_t bson;
  if (!document.present() || !bson_init_static(&bson, document.data(), document.size())) {
    return "(no BSON document)";
  }
  char* json = bson_as_relaxed_extended_json(&bson, nullptr);
  if (json == nullptr) return "(BSON that has no JSON form)";
  std::string text(json);
  bson_free(json);
  return text;
}

absl::StatusOr<Document> FromJson(std::string_view json) {
  bson_error_t error;
  bson_t bson;
  if (!bson_init_from_json(&bson, json.data(), static_cast<ssize_t>(json.size()), &error)) {
    return absl::InvalidArgumentError(fmt::format("not extended JSON: {}", error.message));
  }
  Document document(View::Unchecked(bson_get_data(&bson), bson.len));
  bson_destroy(&bson);
  return document;
}

}  // namespace shardtail::bson
