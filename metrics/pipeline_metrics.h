#ifndef SHARDTAIL_METRICS_PIPELINE_METRICS_H_
#define SHARDTAIL_METRICS_PIPELINE_METRICS_H_

#include "metrics/counter.h"

namespace shardtail::metrics {

// What one replica set's pipeline did. Written by its thread, read by any.
struct PipelineMetrics {
  Counter reads, creates, updates, deletes;  // events handed to the sink, by operation
  Counter tombstones;
  Counter filtered;  // events that a filter dropped
  Counter skipped;   // entries that could not be decoded and were passed over on demand
  Counter snapshot_documents;
  Counter in_snapshot;      // events that a range of the snapshot contains, and so make no record
  Counter signals;          // that it did what they ask for
  Counter signals_refused;  // of the signal collection, that could not be read
  Counter restarts;
};

}  // namespace shardtail::metrics

#endif  // SHARDTAIL_METRICS_PIPELINE_METRICS_H_
