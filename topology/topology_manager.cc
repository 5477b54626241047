#include "topology/topology_manager.h"

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"

namespace shardtail::topology {
namespace {

// For the last events of a replica set that is captured no more.
constexpr absl::Duration kFinishTimeout = absl::Seconds(30);

bool MayPass(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded;
}

}  // namespace

TopologyManager::TopologyManager(Options options, base::Clock& clock)
    : options_(options), clock_(clock) {}

TopologyManager::~TopologyManager() {
  for (const auto& entry : entries_) entry->thread.request_stop();
  for (const auto& entry : entries_) {
    if (entry->thread.joinable()) entry->thread.join();
  }
}

void TopologyManager::Add(std::unique_ptr<Runner> runner) {
  std::unique_ptr<Entry> finished;  // joined without the lock
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if ((*entry)->status.replica_set != runner->replica_set()) continue;
    finished = std::move(*entry);
    entries_.erase(entry);
    break;
  }
  auto entry = std::make_unique<Entry>();
  entry->status.replica_set = runner->replica_set();
  entry->runner = std::move(runner);
  Entry& added = *entries_.emplace_back(std::move(entry));
  added.thread =
      std::jthread([this, &added](const std::stop_token& stop) { Supervise(added, stop); });
}

bool TopologyManager::Update(const shard_discovery::ReplicaSet& replica_set) {
  const std::lock_guard lock(mutex_);
  Entry* entry = Find(replica_set.name);
  if (entry == nullptr || entry->status.state == State::kFinished) return false;
  entry->resumed = true;
  entry->runner->Update(replica_set);
  return true;
}

void TopologyManager::Finish(const std::string& replica_set) {
  const std::lock_guard lock(mutex_);
  Entry* entry = Find(replica_set);
  if (entry == nullptr || entry->runner == nullptr) return;
  entry->resumed = false;
  entry->runner->Finish();
}

TopologyManager::Entry* TopologyManager::Find(const std::string& replica_set) {
  for (const auto& entry : entries_) {
    if (entry->status.replica_set == replica_set) return entry.get();
  }
  return nullptr;
}

absl::Status TopologyManager::Wait(const std::stop_token& stop, bool more_may_come) {
  std::unique_lock lock(mutex_);
  const auto ended = [&] {
    bool failed = false;
    for (const auto& entry : entries_) {
      const State state = entry->status.state;
      if (state == State::kRunning || state == State::kWaiting) return false;
      failed = failed || state == State::kFailed;
    }
    return failed || !more_may_come;
  };
  changed_.wait(lock, stop, ended);
  if (stop.stop_requested()) return absl::OkStatus();
  for (const auto& entry : entries_) {
    if (entry->status.state == State::kFailed) return entry->status.last_error;
  }
  return absl::OkStatus();
}

absl::Status TopologyManager::Stop(absl::Duration drain_timeout) {
  for (const auto& entry : entries_) entry->thread.request_stop();
  for (const auto& entry : entries_) {
    if (entry->thread.joinable()) entry->thread.join();
  }
  const absl::Duration deadline = clock_.Monotonic() + drain_timeout;
  absl::Status first;
  for (const auto& entry : entries_) {
    if (entry->runner == nullptr) continue;  // finished
    const absl::Duration left = std::max(deadline - clock_.Monotonic(), absl::ZeroDuration());
    first.Update(entry->runner->Drain(left));
  }
  return first;
}

std::vector<ReplicaSetStatus> TopologyManager::Statuses() const {
  const std::lock_guard lock(mutex_);
  std::vector<ReplicaSetStatus> statuses;
  statuses.reserve(entries_.size());
  for (const auto& entry : entries_) statuses.push_back(entry->status);
  return statuses;
}

void TopologyManager::Visit(absl::FunctionRef<void(const std::vector<Captured>&)> visit) const {
  const std::lock_guard lock(mutex_);
  std::vector<Captured> all;
  all.reserve(entries_.size());
  for (const auto& entry : entries_) {
    all.push_back({.status = entry->status,
                   .counted = entry->runner == nullptr ? nullptr : &entry->runner->metrics()});
  }
  visit(all);
}

void TopologyManager::Supervise(Entry& entry, const std::stop_token& stop) {
  Runner& runner = *entry.runner;
  const base::ScopedLogContext context(runner.replica_set());
  base::Backoff backoff(
      options_.backoff_initial, options_.backoff_max,
      std::hash<std::string>()(runner.replica_set()) ^ static_cast<uint64_t>(clock_.NowMillis()));
  int failed_attempts = 0;  // in a row; a run that moved on was not one, whatever ended it
  while (true) {
    const int64_t before = runner.progress();
    const absl::Status ended = runner.Run(stop);
    if (stop.stop_requested()) {
      Set(entry, State::kStopped, absl::OkStatus(), 0);
      return;
    }
    if (ended.ok()) {
      if (EndFinished(entry)) return;
      continue;
    }
    if (runner.progress() > before) {
      backoff.Reset();
      failed_attempts = 0;
    } else {
      ++failed_attempts;
    }
    if (!MayPass(ended) || failed_attempts >= options_.max_attempts) {
      base::LogError("capture of {} FAILED{}: {}", runner.replica_set(),
                     MayPass(ended) ? fmt::format(" after {} attempts in a row "
                                                  "(connect.max.attempts)",
                                                  failed_attempts)
                                    : "",
                     std::string(ended.message()));
      Set(entry, State::kFailed, ended, failed_attempts);
      return;
    }
    const absl::Duration delay = backoff.Next();
    base::LogWarn("capture of {} interrupted, attempt {} of {} in {}: {}", runner.replica_set(),
                  failed_attempts + 1, options_.max_attempts,
                  absl::FormatDuration(absl::Trunc(delay, absl::Milliseconds(1))),
                  std::string(ended.message()));
    Set(entry, State::kWaiting, ended, failed_attempts);
    if (!clock_.Sleep(delay, stop)) {
      Set(entry, State::kStopped, absl::OkStatus(), 0);
      return;
    }
    Set(entry, State::kRunning, ended, failed_attempts);
  }
}

bool TopologyManager::EndFinished(Entry& entry) {
  const absl::Status delivered = entry.runner->Drain(kFinishTimeout);
  if (!delivered.ok()) {
    base::LogWarn("the last events of {} are not delivered yet: {}", entry.runner->replica_set(),
                  std::string(delivered.message()));
    return false;
  }
  std::unique_ptr<Runner> finished;  // goes without the lock
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(entry.resumed, false)) return false;
    entry.status.state = State::kFinished;
    finished = std::move(entry.runner);
  }
  base::LogInfo("capture of {} finished: all that its oplog held is delivered, the offset is kept",
                finished->replica_set());
  finished.reset();
  changed_.notify_all();
  return true;
}

void TopologyManager::Set(Entry& entry, State state, const absl::Status& error, int failures) {
  {
    const std::lock_guard lock(mutex_);
    const bool again = entry.status.state == State::kWaiting && state == State::kRunning;
    entry.status.state = state;
    if (!error.ok() && !again) {
      ++entry.status.failures[error.code()];
      entry.status.last_error_at = clock_.NowMillis();
    }
    entry.status.last_error = error;
    entry.status.failures_in_a_row = failures;
  }
  if (state == State::kFailed || state == State::kStopped) entry.runner->Leave();
  changed_.notify_all();
}

}  // namespace shardtail::topology
