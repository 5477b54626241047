#ifndef SHARDTAIL_PIPELINE_OPTIONS_H_
#define SHARDTAIL_PIPELINE_OPTIONS_H_

#include "absl/time/time.h"

namespace shardtail::pipeline {

enum class SnapshotMode { kInitial, kNever };
enum class FailureMode { kFail, kWarn, kSkip };

struct Options {
  SnapshotMode snapshot_mode = SnapshotMode::kInitial;       // snapshot.mode
  absl::Duration snapshot_delay = absl::ZeroDuration();      // snapshot.delay.ms
  int snapshot_fetch_size = 0;                               // snapshot.fetch.size
  bool tombstones_on_delete = true;                          // tombstones.on.delete
  bool transaction_metadata = false;                         // provide.transaction.metadata
  absl::Duration heartbeat_interval = absl::ZeroDuration();  // heartbeat.interval.ms; zero: none
  FailureMode failure_mode = FailureMode::kFail;  // event.processing.failure.handling.mode
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_OPTIONS_H_
