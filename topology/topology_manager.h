#ifndef SHARDTAIL_TOPOLOGY_TOPOLOGY_MANAGER_H_
#define SHARDTAIL_TOPOLOGY_TOPOLOGY_MANAGER_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "metrics/replica_set_metrics.h"
#include "shard_discovery/deployment_finder.h"
#include "topology/options.h"

namespace shardtail::topology {

// What the topology manager runs for each replica set: a pipeline, or a test.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual const std::string& replica_set() const = 0;
  // See pipeline::ReplicaSetPipeline.
  virtual absl::Status Run(const std::stop_token& stop) = 0;
  virtual absl::Status Drain(absl::Duration timeout) = 0;
  // Oplog entries seen so far: a run that moved on was a success, whatever ended it.
  virtual int64_t progress() const = 0;
  // What it counts. Any thread.
  virtual const metrics::ReplicaSetMetrics& metrics() const = 0;

  // The three below may be called from any thread, also during Run().

  // What is known of the replica set now: other seeds. Takes a Finish() back.
  virtual void Update(const shard_discovery::ReplicaSet& replica_set) = 0;
  // The replica set is to be captured no more: Run() handles what is in the oplog now, and then
  // returns OK, as it does when its own task is done.
  virtual void Finish() = 0;
  // It will not be run again: nobody need wait for its events.
  virtual void Leave() = 0;
};

enum class State { kRunning, kWaiting, kFailed, kStopped, kFinished };

// What is known of one replica set; a copy, for status and health.
struct ReplicaSetStatus {
  std::string replica_set;
  State state = State::kRunning;
  absl::Status last_error;    // also while it runs again: see `last_error_at`
  int64_t last_error_at = 0;  // milliseconds since the Unix epoch; 0: none yet
  int failures_in_a_row = 0;
  // How often a run ended with an error, by its code.
  std::map<absl::StatusCode, int64_t> failures;
};

// Keeps one thread running for each replica set. All functions are safe from any thread. An error
// that may pass (kUnavailable, kDeadlineExceeded) is tried again after an exponential backoff, at
// most max_attempts times in a row; after any other error the replica set is FAILED, visibly, and
// the others go on.
class TopologyManager {
 public:
  // `clock` must outlive the manager.
  TopologyManager(Options options, base::Clock& clock);
  // Stops the threads and waits for them.
  ~TopologyManager();

  // Starts to run it. Takes the place of a finished one of the same name; there must be no other.
  void Add(std::unique_ptr<Runner> runner);

  // Hands on what is known of a replica set now. False where none of its name is there, or it is
  // finished.
  bool Update(const shard_discovery::ReplicaSet& replica_set);

  // Ends a replica set's capture when it has handled what is in the oplog now.
  void Finish(const std::string& replica_set);

  // Returns when `stop` is requested, or when no replica set runs any more: OK, or the first
  // failure. Where `more_may_come` and none has failed, it waits for one that is added.
  absl::Status Wait(const std::stop_token& stop, bool more_may_come = false);

  // Asks all to stop, waits for their threads, and lets each deliver what it has sent, for at most
  // `drain_timeout` altogether. The first error of a drain.
  absl::Status Stop(absl::Duration drain_timeout);

  std::vector<ReplicaSetStatus> Statuses() const;

  // One replica set with what it counts, which is null for a finished one.
  struct Captured {
    const ReplicaSetStatus& status;
    const metrics::ReplicaSetMetrics* counted;
  };
  // All of them, in the order they were added, as they are during the call of `visit`, which must
  // be quick and must not call the manager.
  void Visit(absl::FunctionRef<void(const std::vector<Captured>&)> visit) const;

 private:
  struct Entry {
    std::unique_ptr<Runner> runner;  // null when finished
    ReplicaSetStatus status;         // guarded by mutex_
    bool resumed = false;            // guarded by mutex_: Finish() was taken back since
    std::jthread thread;
  };
  void Supervise(Entry& entry, const std::stop_token& stop);
  // After Run() returned OK: whether the replica set is finished, all of it delivered.
  bool EndFinished(Entry& entry);
  // With mutex_ held.
  Entry* Find(const std::string& replica_set);
  void Set(Entry& entry, State state, const absl::Status& error, int failures);

  const Options options_;
  base::Clock& clock_;
  mutable std::mutex mutex_;  // guards entries_ and every status
  std::condition_variable_any changed_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace shardtail::topology

#endif  // SHARDTAIL_TOPOLOGY_TOPOLOGY_MANAGER_H_
