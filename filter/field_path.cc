#include "filter/field_path.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace shardtail::filter {

bool KeyParts::Next(std::string_view* part) {
  if (at_end_) return false;
  const size_t dot = rest_.find('.');
  *part = rest_.substr(0, dot);
  at_end_ = dot == std::string_view::npos;
  if (!at_end_) rest_.remove_prefix(dot + 1);
  return true;
}

bool IsIndex(std::string_view part) {
  return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
}

std::string FieldPath::ToString() const { return fmt::format("{}", fmt::join(parts_, ".")); }

size_t FieldPath::Follow(std::string_view name, size_t from) const {
  while (true) {
    const std::string& part = parts_[from];
    if (!name.starts_with(part)) return 0;
    name.remove_prefix(part.size());
    ++from;
    if (name.empty()) return from;
    if (name.front() != '.') return 0;
    if (from == parts_.size()) return from;
    name.remove_prefix(1);
  }
}

FieldPath::Counts FieldPath::CountsOf(std::string_view key) const {
  Counts counts;   // after the last part of the key, which was a field's name
  Counts indexed;  // or an index
  counts.set(0);
  KeyParts names(key);
  std::string_view name;
  while (names.Next(&name)) {
    Counts next;
    for (size_t at = 0; at < parts_.size(); ++at) {
      if ((counts[at] || indexed[at]) && parts_[at] == name) next.set(at + 1);
    }
    indexed = IsIndex(name) ? counts : Counts();
    counts = next;
    if (counts[parts_.size()]) return Counts().set(parts_.size());
    if (counts.none() && indexed.none()) break;
  }
  return (counts | indexed).reset(0);
}

}  // namespace shardtail::filter
