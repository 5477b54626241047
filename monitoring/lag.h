#ifndef SHARDTAIL_MONITORING_LAG_H_
#define SHARDTAIL_MONITORING_LAG_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "metrics/tailer_metrics.h"

namespace shardtail::monitoring {

// How far a replica set is behind its server at `now`, milliseconds since the Unix epoch: the age
// of the last entry handled; but after a reply that said that there is nothing more, the age of
// that reply, as long as the server's no-ops explain that the entry is old. None before the first.
// The clocks of this machine and of the server are taken for the same.
std::optional<absl::Duration> Lag(const metrics::TailerMetrics& counted, int64_t now);

}  // namespace shardtail::monitoring

#endif  // SHARDTAIL_MONITORING_LAG_H_
