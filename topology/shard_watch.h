#ifndef SHARDTAIL_TOPOLOGY_SHARD_WATCH_H_
#define SHARDTAIL_TOPOLOGY_SHARD_WATCH_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "mongo/client.h"
#include "shard_discovery/deployment_finder.h"
#include "topology/topology_manager.h"

namespace shardtail::topology {

// Keeps a topology manager's replica sets to those of a sharded cluster: once in an interval it
// looks which shards there are. A new one is added, one whose members changed is told so, one that
// is gone is finished. The others are not touched.
class ShardWatch {
 public:
  // Looks at the deployment, no earlier than at the given time.
  using Find = std::function<absl::StatusOr<shard_discovery::Deployment>(
      const std::optional<mongo::ClusterTime>& after, const std::stop_token& stop)>;
  using MakeRunner =
      std::function<std::unique_ptr<Runner>(const shard_discovery::ReplicaSet& replica_set)>;

  // `manager` and `clock` must outlive it.
  ShardWatch(TopologyManager& manager, Find find, MakeRunner make_runner, absl::Duration interval,
             base::Clock& clock);

  // Brings the manager's replica sets in line with what was found.
  void Apply(const shard_discovery::Deployment& found);

  // From now on looks once in an interval, until Stop() or its destruction.
  void Start();
  void Stop();

  // Looks now, on the caller's thread: when it returns OK, every shard that was added to the
  // cluster before `after` is in the manager. Safe for any thread.
  absl::Status Look(const std::optional<mongo::ClusterTime>& after, const std::stop_token& stop);

 private:
  void Run(const std::stop_token& stop);
  void ApplyLocked(const shard_discovery::Deployment& found);

  TopologyManager& manager_;
  const Find find_;
  const MakeRunner make_runner_;
  const absl::Duration interval_;
  base::Clock& clock_;

  std::mutex mutex_;  // guards known_, and makes one look follow the other
  std::map<std::string, shard_discovery::ReplicaSet> known_;
  std::jthread thread_;
};

}  // namespace shardtail::topology

#endif  // SHARDTAIL_TOPOLOGY_SHARD_WATCH_H_
