#include "config/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace shardtail::config {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n\f\v";

// Splits at commas that no backslash stands before. The backslashes stay: a pattern reads `\,` as a
// comma, and positions in error messages are those of the text as written.
std::vector<std::string> SplitPatterns(std::string_view text) {
  std::vector<std::string> patterns(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',') {
      patterns.emplace_back();
      continue;
    }
    patterns.back() += text[i];
    if (text[i] == '\\' && i + 1 < text.size()) patterns.back() += text[++i];
  }
  return patterns;
}

}  // namespace

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) - begin + 1);
}

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lowered;
}

std::optional<int> OrdinalOf(std::string_view host_name) {
  const std::string_view name = host_name.substr(0, host_name.find('.'));
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const std::string_view digits = name.substr(dash + 1);
  // A leading zero is no ordinal's.
  if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  int ordinal = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ordinal);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return ordinal;
}

absl::StatusOr<bool> ParseBoolean(std::string_view text) {
  const std::string lowered = Lowered(Trimmed(text));
  if (lowered == "true") return true;
  if (lowered == "false") return false;
  return absl::InvalidArgumentError(fmt::format("'{}' is neither true nor false", text));
}

absl::StatusOr<int64_t> ParseInteger(std::string_view text, Range range) {
  std::string_view digits = Trimmed(text);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  int64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, number);
  if (rest != end || (error != std::errc() && error != std::errc::result_out_of_range)) {
    return absl::InvalidArgumentError(fmt::format("'{}' is not a whole number", text));
  }
  if (error != std::errc() || number < range.lowest || number > range.highest) {
    return absl::InvalidArgumentError(
        fmt::format("{} is out of range: {} to {}", digits, range.lowest, range.highest));
  }
  return number;
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> elements;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view element = Trimmed(text.substr(begin, comma - begin));
    if (!element.empty()) elements.emplace_back(element);
    begin = comma + 1;
  }
  return elements;
}

absl::StatusOr<std::vector<base::Regex>> ParsePatterns(std::string_view text) {
  std::vector<base::Regex> patterns;
  std::string mistakes;
  for (const std::string& written : SplitPatterns(text)) {
    const std::string_view pattern = Trimmed(written);
    if (pattern.empty()) continue;
    absl::StatusOr<base::Regex> compiled = base::Regex::Create(pattern, /*ignore_case=*/true);
    if (compiled.ok()) {
      patterns.push_back(*std::move(compiled));
    } else {
      mistakes += fmt::format("{}{}", mistakes.empty() ? "" : "\n",
                              std::string(compiled.status().message()));
    }
  }
  if (!mistakes.empty()) return absl::InvalidArgumentError(mistakes);
  return patterns;
}

}  // namespace shardtail::config
