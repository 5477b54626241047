#ifndef SHARDTAIL_CONFIG_VALUES_H_
#define SHARDTAIL_CONFIG_VALUES_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/regex.h"

namespace shardtail::config {

// The values of properties, read as Kafka Connect and Debezium read them. An error is
// kInvalidArgument and says what is wrong with the value, not which property it stands in; where a
// list has several mistakes, one a line.

// Both ends belong to it.
struct Range {
  int64_t lowest = std::numeric_limits<int64_t>::min();
  int64_t highest = std::numeric_limits<int64_t>::max();
};

constexpr int64_t kLargestInt = std::numeric_limits<int32_t>::max();
constexpr Range kPositive{1, kLargestInt};
constexpr Range kNotNegative{0, kLargestInt};

// Without white space at both ends.
std::string_view Trimmed(std::string_view text);

// With ASCII letters in lower case.
std::string Lowered(std::string_view text);

// The number at the end of a host name, as the pods of a StatefulSet have it: 3 of `shardtail-3`,
// and of `shardtail-3.shardtail.prod`. None where the name has no `-` and digits at its end.
std::optional<int> OrdinalOf(std::string_view host_name);

// `true` or `false`, in any case.
absl::StatusOr<bool> ParseBoolean(std::string_view text);

absl::StatusOr<int64_t> ParseInteger(std::string_view text, Range range);

// The elements between commas, trimmed; empty ones are left out.
std::vector<std::string> SplitList(std::string_view text);

// Regular expressions between commas; `\,` is a comma that belongs to one. They ignore case.
absl::StatusOr<std::vector<base::Regex>> ParsePatterns(std::string_view text);

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_VALUES_H_
