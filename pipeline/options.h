#ifndef SHARDTAIL_PIPELINE_OPTIONS_H_
#define SHARDTAIL_PIPELINE_OPTIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/regex.h"
#include "mongo/bson.h"

namespace shardtail::pipeline {

enum class SnapshotMode { kInitial, kNever, kAlways, kInitialOnly, kWhenNeeded };
// Whether the stream goes on during a copy, or begins after it, as Debezium 1.3's does.
enum class SnapshotStreaming { kConcurrent, kAfter };
enum class FailureMode { kFail, kWarn, kSkip };

struct Options {
  SnapshotMode snapshot_mode = SnapshotMode::kInitial;                    // snapshot.mode
  absl::Duration snapshot_delay = absl::ZeroDuration();                   // snapshot.delay.ms
  int snapshot_fetch_size = 0;                                            // snapshot.fetch.size
  SnapshotStreaming snapshot_streaming = SnapshotStreaming::kConcurrent;  // snapshot.streaming
  int snapshot_threads = 1;                   // initial.sync.max.threads, for each replica set
  int64_t snapshot_documents_per_second = 0;  // snapshot.max.documents.per.second; 0: no limit
  int64_t snapshot_bytes_per_second = 0;      // snapshot.max.bytes.per.second; 0: no limit
  std::vector<base::Regex> snapshot_include;  // snapshot.include.collection.list; empty: all
  // snapshot.collection.filter.overrides: by `db.collection`, the query of the documents to copy.
  std::map<std::string, bson::Document> snapshot_queries;
  // signal.data.collection, `database.collection`, where signals come from it; empty: none.
  std::string signal_collection;
  // notification.enabled.channels: `log`; and notification.sink.topic.name with `sink`, else empty.
  bool notify_log = false;
  std::string notification_topic;
  bool shard = false;                 // of a cluster: what it does not own is not copied
  bool tombstones_on_delete = true;   // tombstones.on.delete
  bool transaction_metadata = false;  // provide.transaction.metadata
  absl::Duration heartbeat_interval = absl::ZeroDuration();  // heartbeat.interval.ms; zero: none
  FailureMode failure_mode = FailureMode::kFail;  // event.processing.failure.handling.mode
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_OPTIONS_H_
