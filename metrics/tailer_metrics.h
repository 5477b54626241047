#ifndef SHARDTAIL_METRICS_TAILER_METRICS_H_
#define SHARDTAIL_METRICS_TAILER_METRICS_H_

#include "metrics/counter.h"

namespace shardtail::metrics {

// What one replica set's tailer saw. Written by its thread, read by any.
struct TailerMetrics {
  Counter entries;                // oplog entries read
  Counter bytes;                  // their size
  Counter noops;                  // op: n
  Counter elections;              // no-ops "new primary"
  Counter migrations;             // entries with fromMigrate: no change for a consumer
  Counter commands;               // DDL and other commands that make no event
  Counter renames_into_captured;  // collections that came under a captured name without events
  Counter transactions;           // committed, of one or several entries
  Counter aborted_transactions;
};

}  // namespace shardtail::metrics

#endif  // SHARDTAIL_METRICS_TAILER_METRICS_H_
