#ifndef SHARDTAIL_METRICS_PIPELINE_METRICS_H_
#define SHARDTAIL_METRICS_PIPELINE_METRICS_H_

#include <cstdint>

#include "metrics/counter.h"
#include "metrics/histogram.h"
#include "metrics/label.h"

namespace shardtail::metrics {

// Events by operation.
struct OperationCounters {
  Counter reads, creates, updates, deletes;
};

// What a pipeline is at; a copy inside the stream is part of streaming.
enum class Phase : uint8_t { kConnecting, kCopying, kStreaming };

// What one replica set's pipeline did. Written by its thread where nothing else is said, read by
// any.
struct PipelineMetrics {
  OperationCounters sent;      // handed to the sink
  OperationCounters filtered;  // dropped by a filter
  OperationCounters failed;    // could not be encoded
  Counter tombstones;
  Counter skipped;  // entries or events passed over on demand, as they could not be made records
  Counter snapshot_documents;
  Counter positions_lost;   // no more in the oplog, or rolled back: copied again, or given up
  Counter in_snapshot;      // events that a range of the snapshot contains, and so make no record
  Counter signals;          // that it did what they ask for
  Counter signals_refused;  // of the signal collection, that could not be read
  Counter sent_records;     // all records: events, tombstones, heartbeats, transaction metadata
  Counter sent_bytes;       // their keys and values
  Counter shard_waits;      // for another shard, so that a document's events keep their order
  Counter shard_ties;       // waits given up, as two shards waited for each other: see ShardOrder

  // By the sink's thread.
  Counter acknowledged_records;
  Histogram acknowledge_latency{kLatencyBounds};  // the server's write to the acknowledgement, ms

  // By either, in turns. Given up by the sink: their replica set begins again before them.
  Counter failed_records;

  // Gauges.
  Counter unacknowledged_records;
  Counter unacknowledged_bytes;
  Counter phase;    // Phase
  Label member;     // `host:port` that is read from; empty before the first
  Counter started;  // 1 once it copied or streamed
};

}  // namespace shardtail::metrics

#endif  // SHARDTAIL_METRICS_PIPELINE_METRICS_H_
