#ifndef SHARDTAIL_TESTS_FAKES_SCRIPTED_RUNNER_H_
#define SHARDTAIL_TESTS_FAKES_SCRIPTED_RUNNER_H_

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "topology/topology_manager.h"

namespace shardtail::fakes {

// Ends each run with the next of the given results; after the last, runs until it is asked to stop,
// or to finish.
class ScriptedRunner : public topology::Runner {
 public:
  struct Result {
    absl::Status status;
    int64_t entries = 0;
  };
  explicit ScriptedRunner(std::string name, std::deque<Result> results = {})
      : name_(std::move(name)), results_(std::move(results)) {}

  const std::string& replica_set() const override { return name_; }
  int64_t progress() const override { return progress_; }
  const metrics::ReplicaSetMetrics& metrics() const override { return metrics_; }

  absl::Status Run(const std::stop_token& stop) override {
    ++*runs_;
    if (!results_.empty()) {
      const Result result = results_.front();
      results_.pop_front();
      progress_ += result.entries;
      return result.status;
    }
    std::unique_lock lock(mutex_);
    if (changed_.wait(lock, stop, [this] { return finishing_; })) return absl::OkStatus();
    return absl::CancelledError("stopped");
  }

  absl::Status Drain(absl::Duration timeout) override {
    drained_with_ = timeout;
    if (drain_errors_.empty()) return absl::OkStatus();
    absl::Status error = drain_errors_.front();
    drain_errors_.pop_front();
    return error;
  }

  void Update(const shard_discovery::ReplicaSet& replica_set) override {
    const std::lock_guard lock(mutex_);
    updates_.push_back(replica_set);
    finishing_ = false;
  }
  void Finish() override {
    {
      const std::lock_guard lock(mutex_);
      finishing_ = true;
    }
    changed_.notify_all();
  }
  void Leave() override { left_ = true; }

  bool left() const { return left_; }
  // Also for when the runner is gone.
  std::shared_ptr<const std::atomic<int>> runs() const { return runs_; }
  std::vector<shard_discovery::ReplicaSet> updates() {
    const std::lock_guard lock(mutex_);
    return updates_;
  }

  std::deque<absl::Status> drain_errors_;  // of the next drains
  absl::Duration drained_with_ = absl::ZeroDuration();

 private:
  const std::string name_;
  const metrics::ReplicaSetMetrics metrics_;
  std::deque<Result> results_;
  std::atomic<int64_t> progress_ = 0;
  const std::shared_ptr<std::atomic<int>> runs_ = std::make_shared<std::atomic<int>>(0);
  std::atomic<bool> left_ = false;
  std::mutex mutex_;  // guards finishing_ and updates_
  std::condition_variable_any changed_;
  bool finishing_ = false;
  std::vector<shard_discovery::ReplicaSet> updates_;
};

}  // namespace shardtail::fakes

#endif  // SHARDTAIL_TESTS_FAKES_SCRIPTED_RUNNER_H_
