#ifndef SHARDTAIL_MONITORING_METRIC_GROUPS_H_
#define SHARDTAIL_MONITORING_METRIC_GROUPS_H_

#include <cstdint>

#include "monitoring/families.h"
#include "monitoring/options.h"
#include "monitoring/views.h"

namespace shardtail::monitoring {

// Which metrics there are; docs/metrics.md describes each. `now` is in milliseconds since the Unix
// epoch.

// Those of Debezium 1.3's connector, under the names and labels that the JMX exporter of Debezium's
// examples gives them: of all replica sets together, as there.
void AddDebeziumMetrics(const Views& views, const Options& options, int64_t now, Families& to);

// shardtail's own, for each replica set.
void AddOwnMetrics(const Views& views, const Share& share, const Options& options, int64_t now,
                   Families& to);

// What Prometheus' own client libraries tell of a process.
void AddProcessMetrics(Families& to);

}  // namespace shardtail::monitoring

#endif  // SHARDTAIL_MONITORING_METRIC_GROUPS_H_
