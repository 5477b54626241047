#ifndef SHARDTAIL_MONITORING_STATUS_DOCUMENT_H_
#define SHARDTAIL_MONITORING_STATUS_DOCUMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "monitoring/health.h"
#include "monitoring/options.h"
#include "monitoring/views.h"

namespace shardtail::monitoring {

// `/status`: one JSON object with every replica set; docs/metrics.md describes it. `now` is in
// milliseconds since the Unix epoch.
std::string StatusDocument(const Views& views, const Share& share, const Options& options,
                           int64_t now);

// `/health/…`: {"status":"UP","checks":[{"name":"debezium","status":"UP"},…]}, in the form of
// Debezium Server (SmallRye Health), with a check for each replica set after that of all.
std::string HealthDocument(const std::vector<Check>& checks);

}  // namespace shardtail::monitoring

#endif  // SHARDTAIL_MONITORING_STATUS_DOCUMENT_H_
