#ifndef SHARDTAIL_MONITORING_MONITOR_H_
#define SHARDTAIL_MONITORING_MONITOR_H_

#include <mutex>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/clock.h"
#include "http/server.h"
#include "metrics/replica_set_metrics.h"
#include "monitoring/health.h"
#include "monitoring/options.h"
#include "monitoring/progress_watch.h"
#include "monitoring/views.h"
#include "topology/assignment.h"
#include "topology/topology_manager.h"

namespace shardtail::monitoring {

// Answers what is asked over HTTP: `/metrics`, `/status`, `/health` with `/live`, `/ready` and
// `/started`, the same under `/q/health` as Debezium Server has them, and `/` with these paths. 404
// for others, 405 for other methods than GET and HEAD. All functions are safe for any thread.
class Monitor {
 public:
  // `clock` must outlive it.
  Monitor(Options options, base::Clock& clock);

  // From now on it tells of this manager's replica sets, until another call; null: of none, and
  // nothing is ready or started. Of several processes that share the replica sets: `assignment` is
  // this one's share; where that is none of them, it is ready. Both must outlive that.
  void Watch(const topology::TopologyManager* manager,
             const topology::Assignment* assignment = nullptr);

  http::Response Handle(const http::Request& request);

 private:
  // Looks at all counts once a second.
  void Run(const std::stop_token& stop);
  // With what is known now; `use` must be quick.
  void WithViews(absl::FunctionRef<void(const Views& views, int64_t now)> use);
  // Which part of the replica sets is this process's.
  Share OfAssignment();
  http::Response Health(Probe probe);
  http::Response Metrics();
  http::Response Status();

  const Options options_;
  base::Clock& clock_;
  const metrics::ReplicaSetMetrics nothing_;  // of what is finished
  std::mutex mutex_;                          // guards the three below
  const topology::TopologyManager* manager_ = nullptr;
  const topology::Assignment* assignment_ = nullptr;
  ProgressWatch progress_;
  std::jthread thread_;
};

}  // namespace shardtail::monitoring

#endif  // SHARDTAIL_MONITORING_MONITOR_H_
