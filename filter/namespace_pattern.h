#ifndef SHARDTAIL_FILTER_NAMESPACE_PATTERN_H_
#define SHARDTAIL_FILTER_NAMESPACE_PATTERN_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "base/regex.h"

namespace shardtail::filter {

// The `database.collection` in front of a field rule, as Debezium 1.3 reads it: `*` stands for any
// characters, dots included, the dot for itself, and all else is a regular expression that matches
// the whole name, ignoring case. A collection of just that name (`c++`) matches too. Immutable; any
// thread.
class NamespacePattern {
 public:
  // kInvalidArgument when it is no regular expression.
  static absl::StatusOr<NamespacePattern> Create(std::string_view text);

  // A pattern that hits its match limit counts as a match: an excluded field must not slip through.
  bool Matches(std::string_view ns) const;

 private:
  NamespacePattern(std::string text, base::Regex regex)
      : text_(std::move(text)), regex_(std::move(regex)) {}

  std::string text_;
  base::Regex regex_;
};

}  // namespace shardtail::filter

#endif  // SHARDTAIL_FILTER_NAMESPACE_PATTERN_H_
