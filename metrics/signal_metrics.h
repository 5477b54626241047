#ifndef SHARDTAIL_METRICS_SIGNAL_METRICS_H_
#define SHARDTAIL_METRICS_SIGNAL_METRICS_H_

#include "metrics/counter.h"

namespace shardtail::metrics {

// What came in over one channel of signals. Written by its thread, read by any.
struct SignalMetrics {
  Counter taken;    // handed on
  Counter refused;  // could not be read, or of a type that is not known
};

}  // namespace shardtail::metrics

#endif  // SHARDTAIL_METRICS_SIGNAL_METRICS_H_
