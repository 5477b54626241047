#ifndef SHARDTAIL_MONITORING_VIEWS_H_
#define SHARDTAIL_MONITORING_VIEWS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "metrics/replica_set_metrics.h"
#include "metrics/snapshot_metrics.h"
#include "monitoring/progress_watch.h"
#include "topology/topology_manager.h"

namespace shardtail::monitoring {

// One replica set at the time of a request.
struct View {
  const topology::ReplicaSetStatus& status;
  const metrics::ReplicaSetMetrics& counted;  // all zero for one that is finished
  ProgressWatch::Progress progress;
  metrics::SnapshotMetrics::Progress snapshot;
  std::optional<absl::Duration> lag;
};
using Views = std::vector<View>;

// Which part of the replica sets belongs to this process.
struct Share {
  int count = 1;
  int index = 0;
  bool known = false;  // the deployment was found
  std::set<std::string> elsewhere;
};

// How long a copy took, or takes until now; zero where there was none.
inline absl::Duration CopyTime(const metrics::SnapshotMetrics::Progress& snapshot, int64_t now) {
  if (snapshot.begun == 0) return absl::ZeroDuration();
  return absl::Milliseconds((snapshot.ended == 0 ? now : snapshot.ended) - snapshot.begun);
}

}  // namespace shardtail::monitoring

#endif  // SHARDTAIL_MONITORING_VIEWS_H_
