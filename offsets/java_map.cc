#include "offsets/java_map.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>

#include "absl/status/status.h"
#include "base/status_macros.h"

namespace shardtail::offsets {
namespace {

constexpr uint32_t kStreamMagicAndVersion = 0xACED0005;
constexpr uint8_t kNull = 0x70;              // TC_NULL
constexpr uint8_t kReference = 0x71;         // TC_REFERENCE
constexpr uint8_t kClassDescription = 0x72;  // TC_CLASSDESC
constexpr uint8_t kObject = 0x73;            // TC_OBJECT
constexpr uint8_t kArray = 0x75;             // TC_ARRAY
constexpr uint8_t kBlockData = 0x77;         // TC_BLOCKDATA
constexpr uint8_t kEndBlockData = 0x78;      // TC_ENDBLOCKDATA
constexpr uint32_t kFirstHandle = 0x7E0000;

constexpr uint64_t kHashMapVersion = 0x0507DAC1C31660D1;    // serialVersionUID
constexpr uint64_t kByteArrayVersion = 0xACF317F8060854E0;  // serialVersionUID
constexpr uint8_t kSerializable = 0x02;
constexpr uint8_t kSerializableWithWriteMethod = 0x03;
constexpr uint32_t kLoadFactor = 0x3F400000;  // 0.75f

// Numbers are big-endian; strings are short ASCII names with a length of two bytes.
class JavaWriter {
 public:
  template <typename T>
  void Number(T number) {
    for (int shift = 8 * (static_cast<int>(sizeof(T)) - 1); shift >= 0; shift -= 8) {
      bytes_ += static_cast<char>(static_cast<uint8_t>(number >> shift));
    }
  }
  void Name(std::string_view name) {
    Number(static_cast<uint16_t>(name.size()));
    bytes_ += name;
  }

  // The first one describes the class, the others refer to it. (In the stream's numbering of what
  // can be referred to, the map's class is 0, the map 1, and so this class 2.)
  void Array(const std::optional<std::string>& content) {
    if (!content.has_value()) return Number(kNull);
    Number(kArray);
    if (described_) {
      Number(kReference);
      Number(kFirstHandle + 2);
    } else {
      Number(kClassDescription);
      Name("[B");
      Number(kByteArrayVersion);
      Number(kSerializable);
      Number(uint16_t{0});  // fields
      Number(kEndBlockData);
      Number(kNull);  // superclass
      described_ = true;
    }
    Number(static_cast<uint32_t>(content->size()));
    bytes_ += *content;
  }

  std::string Take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
  bool described_ = false;
};

class JavaReader {
 public:
  explicit JavaReader(std::string_view bytes) : bytes_(bytes) {}

  // `what` names the part for the message.
  template <typename T>
  absl::StatusOr<T> Number(std::string_view what) {
    if (bytes_.size() - at_ < sizeof(T)) return EndsIn(what);
    T number = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      number = static_cast<T>(static_cast<uint64_t>(number) << 8U |
                              static_cast<uint8_t>(bytes_[at_ + i]));
    }
    at_ += sizeof(T);
    return number;
  }

  template <typename T>
  absl::Status Expect(T expected, std::string_view what) {
    const size_t begin = at_;
    SHARDTAIL_ASSIGN_OR_RETURN(const T found, Number<T>(what));
    if (found != expected) return WrongAt(begin, what);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string_view> Bytes(size_t size, std::string_view what) {
    if (bytes_.size() - at_ < size) return EndsIn(what);
    const std::string_view found = bytes_.substr(at_, size);
    at_ += size;
    return found;
  }

  absl::Status ExpectName(std::string_view expected, std::string_view what) {
    const size_t begin = at_;
    SHARDTAIL_ASSIGN_OR_RETURN(const uint16_t size, Number<uint16_t>(what));
    SHARDTAIL_ASSIGN_OR_RETURN(const std::string_view name, Bytes(size, what));
    if (name != expected) return WrongAt(begin, what);
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<std::string>> Array() {
    constexpr std::string_view kWhat = "an array of bytes";
    const size_t begin = at_;
    SHARDTAIL_ASSIGN_OR_RETURN(const uint8_t type, Number<uint8_t>(kWhat));
    if (type == kNull) return std::nullopt;
    if (type == kReference) return Earlier(begin);
    if (type != kArray) return WrongAt(begin, kWhat);
    SHARDTAIL_RETURN_IF_ERROR(ArrayClass());
    SHARDTAIL_ASSIGN_OR_RETURN(const uint32_t size, Number<uint32_t>(kWhat));
    SHARDTAIL_ASSIGN_OR_RETURN(const std::string_view content, Bytes(size, kWhat));
    arrays_.push_back(content);
    return std::string(content);
  }

  bool AtEnd() const { return at_ == bytes_.size(); }

  absl::Status WrongHere(std::string_view what) const { return WrongAt(at_, what); }

 private:
  static absl::Status WrongAt(size_t at, std::string_view what) {
    return absl::FailedPreconditionError(fmt::format("at byte {} is not {}", at, what));
  }
  absl::Status EndsIn(std::string_view what) const {
    return absl::FailedPreconditionError(
        fmt::format("at byte {}, it ends within {}", bytes_.size(), what));
  }

  absl::Status ArrayClass() {
    constexpr std::string_view kWhat = "the class of an array of bytes";
    const size_t begin = at_;
    SHARDTAIL_ASSIGN_OR_RETURN(const uint8_t type, Number<uint8_t>(kWhat));
    if (type == kReference && described_) return Expect(kFirstHandle + 2, kWhat);
    if (type != kClassDescription || described_) return WrongAt(begin, kWhat);
    SHARDTAIL_RETURN_IF_ERROR(ExpectName("[B", kWhat));
    SHARDTAIL_RETURN_IF_ERROR(Expect(kByteArrayVersion, kWhat));
    SHARDTAIL_RETURN_IF_ERROR(Expect(kSerializable, kWhat));
    SHARDTAIL_RETURN_IF_ERROR(Expect(uint16_t{0}, kWhat));
    SHARDTAIL_RETURN_IF_ERROR(Expect(kEndBlockData, kWhat));
    SHARDTAIL_RETURN_IF_ERROR(Expect(kNull, kWhat));
    described_ = true;
    return absl::OkStatus();
  }

  // Java writes an array that was there before, the same object, as a reference to it.
  absl::StatusOr<std::optional<std::string>> Earlier(size_t begin) {
    constexpr std::string_view kWhat = "a reference to an earlier array";
    SHARDTAIL_ASSIGN_OR_RETURN(const uint32_t handle, Number<uint32_t>(kWhat));
    constexpr uint32_t kFirstArray = kFirstHandle + 3;
    if (handle < kFirstArray || handle - kFirstArray >= arrays_.size()) {
      return WrongAt(begin, kWhat);
    }
    return std::string(arrays_[handle - kFirstArray]);
  }

  const std::string_view bytes_;
  size_t at_ = 0;
  bool described_ = false;
  std::vector<std::string_view> arrays_;  // in the order of their handles
};

}  // namespace

std::string SerializeJavaMap(const std::vector<JavaMapEntry>& entries) {
  // As Java's own: a power of two of which at most three quarters are in use.
  const auto size = static_cast<uint32_t>(entries.size());
  const uint32_t capacity = std::bit_ceil(std::max(size + size / 3 + 1, 16U));
  JavaWriter out;
  out.Number(kStreamMagicAndVersion);
  out.Number(kObject);
  out.Number(kClassDescription);
  out.Name("java.util.HashMap");
  out.Number(kHashMapVersion);
  out.Number(kSerializableWithWriteMethod);
  out.Number(uint16_t{2});  // fields
  out.Number(uint8_t{'F'});
  out.Name("loadFactor");
  out.Number(uint8_t{'I'});
  out.Name("threshold");
  out.Number(kEndBlockData);
  out.Number(kNull);  // superclass
  out.Number(kLoadFactor);
  out.Number(capacity / 4 * 3);
  out.Number(kBlockData);
  out.Number(uint8_t{8});
  out.Number(capacity);
  out.Number(size);
  for (const JavaMapEntry& entry : entries) {
    out.Array(entry.key);
    out.Array(entry.value);
  }
  out.Number(kEndBlockData);
  return std::move(out).Take();
}

absl::StatusOr<std::vector<JavaMapEntry>> ParseJavaMap(std::string_view bytes) {
  constexpr std::string_view kMap = "a java.util.HashMap";
  JavaReader in(bytes);
  SHARDTAIL_RETURN_IF_ERROR(
      in.Expect(kStreamMagicAndVersion, "the beginning of serialized Java objects"));
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(kObject, kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(kClassDescription, kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.ExpectName("java.util.HashMap", kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(kHashMapVersion, kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(kSerializableWithWriteMethod, kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(uint16_t{2}, kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(uint8_t{'F'}, kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.ExpectName("loadFactor", kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(uint8_t{'I'}, kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.ExpectName("threshold", kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(kEndBlockData, kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(kNull, kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.Bytes(8, "the map's load factor and threshold").status());
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(kBlockData, kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(uint8_t{8}, kMap));
  SHARDTAIL_RETURN_IF_ERROR(in.Bytes(4, "the map's capacity").status());
  SHARDTAIL_ASSIGN_OR_RETURN(const uint32_t size, in.Number<uint32_t>("the map's size"));
  std::vector<JavaMapEntry> entries;
  for (uint32_t i = 0; i < size; ++i) {
    JavaMapEntry entry;
    SHARDTAIL_ASSIGN_OR_RETURN(std::optional<std::string> key, in.Array());
    SHARDTAIL_ASSIGN_OR_RETURN(entry.value, in.Array());
    // Connect neither writes a null key nor could look it up.
    if (!key.has_value()) continue;
    entry.key = *std::move(key);
    entries.push_back(std::move(entry));
  }
  SHARDTAIL_RETURN_IF_ERROR(in.Expect(kEndBlockData, "the end of the map"));
  if (!in.AtEnd()) return in.WrongHere("the end of the file");
  return entries;
}

}  // namespace shardtail::offsets
