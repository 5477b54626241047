#include "monitoring/lag.h"

#include <algorithm>

namespace shardtail::monitoring {
namespace {

constexpr int64_t kMillisPerSecond = 1000;

// A primary at rest writes a no-op every 10 s, and a majority must have it before it is read. A
// last entry that is older was not the last: a majority lags, or the member is cut off.
constexpr int64_t kExplainedMillis = 15'000;

}  // namespace

std::optional<absl::Duration> Lag(const metrics::TailerMetrics& counted, int64_t now) {
  const int64_t seconds = counted.position_seconds.value();
  if (seconds == 0) return std::nullopt;
  int64_t handled = seconds * kMillisPerSecond;
  // The entry's own time is finer than its position's.
  if (const int64_t wall = counted.entry_millis.value(); wall / kMillisPerSecond == seconds) {
    handled = wall;
  }
  if (now - handled <= kExplainedMillis) handled = std::max(handled, counted.idle_millis.value());
  return absl::Milliseconds(std::max<int64_t>(now - handled, 0));
}

}  // namespace shardtail::monitoring
