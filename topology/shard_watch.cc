#include "topology/shard_watch.h"

#include <set>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::topology {

ShardWatch::ShardWatch(TopologyManager& manager, Find find, MakeRunner make_runner,
                       absl::Duration interval, base::Clock& clock)
    : manager_(manager),
      find_(std::move(find)),
      make_runner_(std::move(make_runner)),
      interval_(interval),
      clock_(clock) {}

void ShardWatch::Apply(const shard_discovery::Deployment& found) {
  const std::lock_guard lock(mutex_);
  ApplyLocked(found);
}

void ShardWatch::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void ShardWatch::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

absl::Status ShardWatch::Look(const std::optional<mongo::ClusterTime>& after,
                              const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  SHARDTAIL_ASSIGN_OR_RETURN(const shard_discovery::Deployment found, find_(after, stop));
  ApplyLocked(found);
  return absl::OkStatus();
}

void ShardWatch::Run(const std::stop_token& stop) {
  const base::ScopedLogContext context("shards");
  bool failing = false;
  while (clock_.Sleep(interval_, stop)) {
    const absl::Status looked = Look(std::nullopt, stop);
    if (stop.stop_requested()) return;
    if (!looked.ok() && !failing) {
      base::LogWarn("the shards cannot be listed, the known ones go on: {}",
                    std::string(looked.message()));
    } else if (looked.ok() && failing) {
      base::LogInfo("the shards can be listed again");
    }
    failing = !looked.ok();
  }
}

void ShardWatch::ApplyLocked(const shard_discovery::Deployment& found) {
  std::set<std::string> there;
  for (const shard_discovery::ReplicaSet& replica_set : found.replica_sets) {
    there.insert(replica_set.name);
    const auto known = known_.find(replica_set.name);
    if (known != known_.end() && known->second == replica_set) continue;
    if (replica_set.draining && (known == known_.end() || !known->second.draining)) {
      base::LogInfo("shard {} is draining; it is captured until it is removed", replica_set.shard);
    }
    known_[replica_set.name] = replica_set;
    if (manager_.Update(replica_set)) continue;
    base::LogInfo("capturing replica set {}{}", replica_set.name,
                  replica_set.shard.empty() ? "" : ", shard " + replica_set.shard);
    manager_.Add(make_runner_(replica_set));
  }
  for (auto known = known_.begin(); known != known_.end();) {
    if (there.contains(known->first)) {
      ++known;
      continue;
    }
    base::LogInfo("shard {} was removed: finishing replica set {}", known->second.shard,
                  known->first);
    manager_.Finish(known->first);
    known = known_.erase(known);
  }
}

}  // namespace shardtail::topology
