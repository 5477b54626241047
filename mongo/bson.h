#ifndef SHARDTAIL_MONGO_BSON_H_
#define SHARDTAIL_MONGO_BSON_H_

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Reading BSON where it lies, without a copy (bsonspec.org, version 1.1).
namespace shardtail::bson {

enum class Type : uint8_t {
  kDouble = 0x01,
  kString = 0x02,
  kDocument = 0x03,
  kArray = 0x04,
  kBinary = 0x05,
  kUndefined = 0x06,
  kObjectId = 0x07,
  kBool = 0x08,
  kDate = 0x09,
  kNull = 0x0A,
  kRegex = 0x0B,
  kDbPointer = 0x0C,
  kCode = 0x0D,
  kSymbol = 0x0E,
  kCodeWithScope = 0x0F,
  kInt32 = 0x10,
  kTimestamp = 0x11,
  kInt64 = 0x12,
  kDecimal128 = 0x13,
  kMaxKey = 0x7F,
  kMinKey = 0xFF,
};

// Little-endian loads from unaligned memory.
template <typename T>
T Load(const uint8_t* from) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// A BSON timestamp: the oplog's time, ordered by seconds, then increment.
struct Timestamp {
  uint32_t seconds = 0;
  uint32_t increment = 0;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

struct Element;

// A document or array inside a buffer that somebody else owns and that must outlive the view. A
// default-constructed view is no document at all (`present()` is false).
//
// Create() checks the frame only (length, final zero); the elements are checked as they are read.
class View {
 public:
  View() = default;

  // The document that begins at `bytes` and must lie within it; kDataLoss when it does not.
  static absl::StatusOr<View> Create(std::string_view bytes);

  // For bytes whose frame was checked already.
  static View Unchecked(const uint8_t* data, uint32_t size) { return View(data, size); }

  bool present() const { return data_ != nullptr; }
  const uint8_t* data() const { return data_; }
  uint32_t size() const { return size_; }
  bool empty() const { return size_ <= 5; }
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(data_), static_cast<size_t>(size_)};
  }

  // The first element with this name at the top level. Linear; nullopt too where the bytes before
  // it are broken.
  std::optional<Element> Find(std::string_view name) const;

 private:
  View(const uint8_t* data, uint32_t size) : data_(data), size_(size) {}

  const uint8_t* data_ = nullptr;
  uint32_t size_ = 0;
};

// One element of a document. `value` points at its value's bytes. The As…() functions must be
// called only for the type that their name says (Is…() and Get…() check).
struct Element {
  Type type = Type::kNull;
  std::string_view name;
  const uint8_t* value = nullptr;
  uint32_t value_size = 0;

  double AsDouble() const { return Load<double>(value); }
  int32_t AsInt32() const { return Load<int32_t>(value); }
  int64_t AsInt64() const { return Load<int64_t>(value); }
  int64_t AsDateMillis() const { return Load<int64_t>(value); }
  bool AsBool() const { return value[0] != 0; }
  // kString, kCode, kSymbol; without the final zero, may hold zeros and invalid UTF-8.
  std::string_view AsString() const {
    return {reinterpret_cast<const char*>(value + 4), value_size - 5};
  }
  Timestamp AsTimestamp() const { return {Load<uint32_t>(value + 4), Load<uint32_t>(value)}; }
  // kDocument, kArray.
  View AsDocument() const { return View::Unchecked(value, value_size); }
  const uint8_t* AsObjectId() const { return value; }

  // For kBinary. Subtype 2 carries a second length inside, which data() leaves out.
  uint8_t BinarySubtype() const { return value[4]; }
  std::string_view BinaryData() const;

  // int32, int64, or a double with an integral value; nullopt for others.
  std::optional<int64_t> GetInteger() const;
  // The string, or nullopt where this is none.
  std::optional<std::string_view> GetString() const;
  std::optional<View> GetDocument() const;  // a document or an array
  // As the server reads flags: true, or a number other than zero.
  bool IsTrue() const;
};

// Walks the elements of a document in order, checking every bound:
//
//   Reader reader(view);
//   Element element;
//   while (reader.Next(&element)) …
//   if (reader.corrupt()) …
//
// Does not descend: use a Reader for each sub-document. Sub-documents', strings', and binaries'
// frames are checked here already.
class Reader {
 public:
  explicit Reader(View document)
      : at_(document.data() + 4), end_(document.data() + document.size() - 1) {}

  // False at the end, and at the first broken element (then corrupt() is true).
  bool Next(Element* element);
  bool corrupt() const { return corrupt_; }

 private:
  static constexpr uint8_t kVariable = 0xFF;
  static constexpr uint8_t FixedSizeOf(Type type);
  static const std::array<uint8_t, 256> kFixedSizes;  // by type

  // The first zero in [at, end_), or null.
  const uint8_t* FindZero(const uint8_t* at) const;
  const uint8_t* FindLastZero(const uint8_t* at) const;  // the same, byte by byte
  // The size of a value of a type without a fixed size; 0 when it is broken or of an unknown type.
  static uint64_t VariableSize(Type type, const uint8_t* at, uint64_t left);

  bool Fail() {
    corrupt_ = true;
    return false;
  }

  const uint8_t* at_;
  const uint8_t* end_;  // the document's final zero
  bool corrupt_ = false;
};

constexpr uint8_t Reader::FixedSizeOf(Type type) {
  switch (type) {
    case Type::kDouble:
    case Type::kDate:
    case Type::kTimestamp:
    case Type::kInt64:
      return 8;
    case Type::kObjectId:
      return 12;
    case Type::kBool:
      return 1;
    case Type::kInt32:
      return 4;
    case Type::kDecimal128:
      return 16;
    case Type::kUndefined:
    case Type::kNull:
    case Type::kMinKey:
    case Type::kMaxKey:
      return 0;
    default:
      return kVariable;
  }
}

inline constexpr std::array<uint8_t, 256> Reader::kFixedSizes = [] {
  std::array<uint8_t, 256> sizes{};
  for (size_t type = 0; type < sizes.size(); ++type) {
    sizes[type] = FixedSizeOf(static_cast<Type>(type));
  }
  return sizes;
}();

// Names are short: most end within the first eight bytes, and a call of memchr takes longer than to
// look at these.
inline const uint8_t* Reader::FindZero(const uint8_t* at) const {
  constexpr uint64_t kLow = 0x0101010101010101;
  constexpr uint64_t kHigh = 0x8080808080808080;
  for (; end_ - at >= 8; at += 8) {
    const auto bytes = Load<uint64_t>(at);
    // The lowest bit that is set is that of the first zero; what is above it does not matter.
    const uint64_t zeros = (bytes - kLow) & ~bytes & kHigh;
    if (zeros != 0) return at + std::countr_zero(zeros) / 8;
  }
  return FindLastZero(at);
}

// Inline: an event has two dozen elements, and each is walked over twice.
inline bool Reader::Next(Element* element) {
  if (at_ >= end_) return at_ == end_ ? false : Fail();
  const auto type = static_cast<Type>(*at_);
  const uint8_t* const name = at_ + 1;
  const uint8_t* const name_end = FindZero(name);
  if (name_end == nullptr) return Fail();
  const uint8_t* const value = name_end + 1;
  const auto left = static_cast<uint64_t>(end_ - value);
  uint64_t size = kFixedSizes[static_cast<uint8_t>(type)];
  if (size == kVariable) {
    size = VariableSize(type, value, left);
    if (size == 0) return Fail();
  } else if (size > left) {
    return Fail();
  }
  element->type = type;
  element->name = {reinterpret_cast<const char*>(name), static_cast<size_t>(name_end - name)};
  element->value = value;
  element->value_size = static_cast<uint32_t>(size);
  at_ = value + size;
  return true;
}

// Whether every byte of the document, at every level, is well-formed BSON (not: valid UTF-8).
// kDataLoss otherwise, or where it is nested deeper than `max_depth`.
absl::Status Validate(View document, int max_depth = 250);

// A document that owns its bytes.
class Document {
 public:
  Document() : bytes_("\x05\0\0\0\0", 5) {}
  explicit Document(View view) : bytes_(view.bytes()) {}
  // Takes the bytes of one whole document, as a Builder makes them.
  explicit Document(std::string bytes) : bytes_(std::move(bytes)) {}

  View view() const {
    return View::Unchecked(reinterpret_cast<const uint8_t*>(bytes_.data()),
                           static_cast<uint32_t>(bytes_.size()));
  }
  operator View() const { return view(); }  // NOLINT(google-explicit-constructor)

 private:
  std::string bytes_;
};

// Writes one document, element by element. Reusable after Clear() without a new allocation.
//
//   Builder builder;
//   builder.Int32("find", 1).OpenDocument("filter").String("a", "x").Close();
//   client.Run("admin", builder.view());
class Builder {
 public:
  Builder() { Clear(); }

  Builder& Double(std::string_view name, double value);
  Builder& String(std::string_view name, std::string_view value);
  Builder& Int32(std::string_view name, int32_t value);
  Builder& Int64(std::string_view name, int64_t value);
  Builder& Bool(std::string_view name, bool value);
  Builder& Null(std::string_view name);
  Builder& MinKey(std::string_view name);
  Builder& MaxKey(std::string_view name);
  Builder& Time(std::string_view name, Timestamp value);
  Builder& ObjectId(std::string_view name, const std::array<uint8_t, 12>& value);
  Builder& Uuid(std::string_view name, const std::array<uint8_t, 16>& value);
  Builder& SubDocument(std::string_view name, View value);
  Builder& SubArray(std::string_view name, View value);
  // A copy of the value of `element` under another name.
  Builder& Value(std::string_view name, const Element& element);
  Builder& Copy(const Element& element) { return Value(element.name, element); }

  // What follows, up to the matching Close(), goes into the sub-document. In an array the names are
  // the caller's to give ("0", "1", …).
  Builder& OpenDocument(std::string_view name);
  Builder& OpenArray(std::string_view name);
  Builder& Close();

  void Clear();
  // Every Open…() must be closed. Valid until the next change.
  View view();
  Document Build();

 private:
  void Begin(Type type, std::string_view name);
  template <typename T>
  void Put(T value);

  std::string bytes_;
  std::string open_;  // offsets of the open sub-documents, as raw uint32 values
  bool finished_ = false;
};

// The document as relaxed-looking JSON for people: logs, errors, tests. Never for events.
std::string ToDebugString(View document);

// Parses extended JSON (canonical or relaxed) into BSON; for tests, fixtures and options that hold
// a query. kInvalidArgument names what is wrong.
absl::StatusOr<Document> FromJson(std::string_view json);

}  // namespace shardtail::bson

#endif  // SHARDTAIL_MONGO_BSON_H_
