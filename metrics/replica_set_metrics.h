#ifndef SHARDTAIL_METRICS_REPLICA_SET_METRICS_H_
#define SHARDTAIL_METRICS_REPLICA_SET_METRICS_H_

#include "metrics/pipeline_metrics.h"
#include "metrics/snapshot_metrics.h"
#include "metrics/tailer_metrics.h"

namespace shardtail::metrics {

// All that one replica set's capture counts.
struct ReplicaSetMetrics {
  TailerMetrics tailer;
  PipelineMetrics pipeline;
  SnapshotMetrics snapshot;
};

}  // namespace shardtail::metrics

#endif  // SHARDTAIL_METRICS_REPLICA_SET_METRICS_H_
