#include "filter/namespace_pattern.h"

#include "absl/strings/match.h"
#include "base/status_macros.h"

namespace shardtail::filter {

absl::StatusOr<NamespacePattern> NamespacePattern::Create(std::string_view text) {
  std::string expression;
  for (const char c : text) {
    if (c == '.') expression += '\\';
    if (c == '*') expression += '.';
    expression += c;
  }
  SHARDTAIL_ASSIGN_OR_RETURN(base::Regex regex, base::Regex::Create(expression, true));
  return NamespacePattern(std::string(text), std::move(regex));
}

bool NamespacePattern::Matches(std::string_view ns) const {
  if (absl::EqualsIgnoreCase(text_, absl::string_view(ns.data(), ns.size()))) return true;
  return regex_.FullMatch(ns).value_or(true);
}

}  // namespace shardtail::filter
