#ifndef SHARDTAIL_FILTER_FIELD_PATH_H_
#define SHARDTAIL_FILTER_FIELD_PATH_H_

#include <bitset>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shardtail::filter {

// An update's key `addresses.0.city`, part by part. As in Debezium 1.3 (Java's split), empty parts
// count, but not at the end.
class KeyParts {
 public:
  explicit KeyParts(std::string_view key) : rest_(key) {
    while (rest_.ends_with('.')) rest_.remove_suffix(1);
  }
  bool Next(std::string_view* part);

 private:
  std::string_view rest_;
  bool at_end_ = false;
};

// Whether a part of a key can stand for the index of an array: ASCII digits only.
bool IsIndex(std::string_view part);

// The path of a field inside a document: its own name, after those of the documents and lists of
// documents around it. Lists take no part of the path. Immutable.
class FieldPath {
 public:
  // MongoDB nests documents 100 levels deep at most.
  static constexpr size_t kMaxParts = 127;

  // 1 to kMaxParts parts.
  explicit FieldPath(std::vector<std::string> parts) : parts_(std::move(parts)) {}

  size_t size() const { return parts_.size(); }
  const std::string& part(size_t at) const { return parts_[at]; }
  std::string ToString() const;

  // How many parts are behind us once a field of a document, `name`, follows `from` parts; 0 when
  // it is not on the path. A name that itself holds dots stands for several parts (a sharded
  // collection's key on `a.b` is logged as `{"a.b": …}`), and one that goes beyond the path is of
  // something inside the field: size().
  size_t Follow(std::string_view name, size_t from) const;

  // Sets of numbers of parts.
  using Counts = std::bitset<kMaxParts + 1>;

  // How many parts an update's `key` can stand for; bit size() alone when it is the field or lies
  // inside it, no bit when it is elsewhere. A number in the key is an array's index or a field of
  // that name, which the key does not tell: so there can be several answers. Two indexes in a row
  // would lie in a list of lists, where no path leads.
  Counts CountsOf(std::string_view key) const;

 private:
  std::vector<std::string> parts_;
};

}  // namespace shardtail::filter

#endif  // SHARDTAIL_FILTER_FIELD_PATH_H_
