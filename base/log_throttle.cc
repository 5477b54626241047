#include "base/log_throttle.h"

#include <fmt/format.h>

namespace shardtail::base {
namespace {

// More different lines than any client writes in an interval; a bound for the memory only.
constexpr size_t kMostLines = 1000;

std::string WithoutNumbers(std::string_view line) {
  std::string kept;
  kept.reserve(line.size());
  for (const char c : line) {
    if (c < '0' || c > '9') kept += c;
  }
  return kept;
}

}  // namespace

std::optional<std::string> LogThrottle::Admit(std::string_view line) {
  const absl::Duration now = clock_.Monotonic();
  const std::lock_guard lock(mutex_);
  if (seen_.size() >= kMostLines) seen_.clear();
  const auto [found, is_new] = seen_.try_emplace(WithoutNumbers(line), Seen{now, 0});
  if (is_new) return std::string(line);
  Seen& seen = found->second;
  if (now - seen.written < interval_) {
    ++seen.held_back;
    return std::nullopt;
  }
  std::string admitted = seen.held_back == 0
                             ? std::string(line)
                             : fmt::format("{} ({} more like it before)", line, seen.held_back);
  seen = {now, 0};
  return admitted;
}

}  // namespace shardtail::base
