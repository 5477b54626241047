#ifndef SHARDTAIL_METRICS_TAILER_METRICS_H_
#define SHARDTAIL_METRICS_TAILER_METRICS_H_

#include "metrics/counter.h"
#include "metrics/histogram.h"

namespace shardtail::metrics {

// What one replica set's tailer saw. Each written by one thread, read by any.
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

  Histogram read_latency{kLatencyBounds};          // the server's write to our reading, ms
  Histogram transaction_operations{kCountBounds};  // of each committed transaction

  // Gauges.
  Counter batch_millis;        // when the last of the server's replies came, since the Unix epoch
  Counter idle_millis;         // when the last one without an entry came
  Counter entry_millis;        // `wall` of the last entry decoded: the server's clock; 0: none yet
  Counter position_seconds;    // of the last entry handled, since the Unix epoch
  Counter position_increment;  // of the same
  Counter oplog_window_seconds;       // how far back the member's oplog reaches
  Counter oplog_window_left_seconds;  // how much of it lies behind the position
  Counter oplog_window_left_percent;  // 0: the position is about to fall off the oplog
};

}  // namespace shardtail::metrics

#endif  // SHARDTAIL_METRICS_TAILER_METRICS_H_
