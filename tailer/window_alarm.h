#ifndef SHARDTAIL_TAILER_WINDOW_ALARM_H_
#define SHARDTAIL_TAILER_WINDOW_ALARM_H_

#include <string>

#include "metrics/tailer_metrics.h"
#include "tailer/oplog_source.h"

namespace shardtail::tailer {

// Says in time that a capture is about to fall off the oplog: a warning when less than half of the
// oplog's window lies behind the position, one more when less than a quarter does, once at each
// crossing; and the figures as metrics. Not thread-safe.
class WindowAlarm {
 public:
  // `metrics` must outlive it; its `position_seconds` is the position, set by whoever streams.
  WindowAlarm(std::string replica_set, metrics::TailerMetrics& metrics);

  void Update(const OplogWindow& window);

 private:
  const std::string replica_set_;
  metrics::TailerMetrics& metrics_;
  int warned_ = 0;  // how often since all was well: 1 at a half, 2 at a quarter
};

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_WINDOW_ALARM_H_
