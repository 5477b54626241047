#ifndef SHARDTAIL_MONITORING_HEALTH_H_
#define SHARDTAIL_MONITORING_HEALTH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "metrics/pipeline_metrics.h"
#include "monitoring/progress_watch.h"
#include "topology/topology_manager.h"

namespace shardtail::monitoring {

// What the rules of health look at.
struct Observed {
  std::string replica_set;
  topology::State state = topology::State::kRunning;
  std::string last_error;
  metrics::Phase phase = metrics::Phase::kConnecting;
  bool started = false;                               // it copied or streamed once
  absl::Duration still = absl::ZeroDuration();        // see ProgressWatch
  absl::Duration since_reply = absl::ZeroDuration();  // of the server, while it streams
  int64_t unacknowledged = 0;                         // records
};

// kLive: a restart of the process would help if it were not so; kReady: the capture goes on;
// kStarted: it has begun; kAll: all three.
enum class Probe { kLive, kReady, kStarted, kAll };

// One line of the answer; `reason` is empty where it is up.
struct Check {
  std::string name;
  bool up = true;
  std::string reason;
};

// The rules, one check for each replica set:
//   kStarted  it has found its primary, and begun to copy or to stream
//   kReady    it is started, not FAILED, and read an entry or copied a document within
//             `stalled_after`
//   kLive     DOWN only when its thread is stuck: it streams, has had no reply of the server for
//             five minutes, waits for no acknowledgement, nor for another shard that is interrupted
// One that is finished, or stopped on demand, is up.
std::vector<Check> Judge(Probe probe, const std::vector<Observed>& all,
                         absl::Duration stalled_after);

}  // namespace shardtail::monitoring

#endif  // SHARDTAIL_MONITORING_HEALTH_H_
