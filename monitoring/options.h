#ifndef SHARDTAIL_MONITORING_OPTIONS_H_
#define SHARDTAIL_MONITORING_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace shardtail::monitoring {

struct Options {
  std::string name;  // mongodb.name: the label `name` of Debezium's metrics
  // health.stalled.after.ms: three times periodicNoopIntervalSecs, after which a primary at rest
  // writes a no-op (10 s, see "Periodic No-op Writer" in MongoDB's server parameters).
  absl::Duration stalled_after = absl::Seconds(30);
  int64_t queue_bytes = 1;  // the most that may be sent and not acknowledged
};

}  // namespace shardtail::monitoring

#endif  // SHARDTAIL_MONITORING_OPTIONS_H_
