#ifndef SHARDTAIL_BASE_REGEX_H_
#define SHARDTAIL_BASE_REGEX_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace shardtail::base {

// A regular expression of the kind that Debezium's users write (Java's), by PCRE2, with a match
// limit so that no pattern can stall the stream. Immutable; any thread may match.
class Regex {
 public:
  // kInvalidArgument names what is wrong and at which character (from 1) of `pattern`.
  static absl::StatusOr<Regex> Create(std::string_view pattern, bool ignore_case);

  // Whether the whole of `text` matches. kResourceExhausted when the match limit was hit.
  absl::StatusOr<bool> FullMatch(std::string_view text) const;

  const std::string& pattern() const { return pattern_; }

 private:
  struct Code;
  Regex(std::string pattern, std::shared_ptr<const Code> code);

  std::string pattern_;
  // Shared: a compiled pattern is immutable, and copies of a Regex are cheap this way.
  std::shared_ptr<const Code> code_;
};

// Whether one of them matches the whole of `text`; one that hit the match limit does not.
bool AnyFullMatch(std::span<const Regex> patterns, std::string_view text);

}  // namespace shardtail::base

#endif  // SHARDTAIL_BASE_REGEX_H_
