#include "metrics/snapshot_metrics.h"

namespace shardtail::metrics {

void SnapshotMetrics::Begin(int64_t now) {
  const std::lock_guard lock(mutex_);
  state_ = SnapshotState::kRunning;
  begun_ = now;
  ended_ = 0;
  collections_.clear();
  current_name_.clear();
  current_ = nullptr;
}

SnapshotMetrics::Entry& SnapshotMetrics::Find(std::string_view collection) {
  const auto found = collections_.find(collection);
  return found != collections_.end() ? found->second : collections_[std::string(collection)];
}

void SnapshotMetrics::Expect(std::string_view collection) {
  const std::lock_guard lock(mutex_);
  Find(collection);
}

void SnapshotMetrics::Copied(std::string_view collection) {
  // One lookup less where it is the same as before.
  if (current_ == nullptr || current_name_ != collection) {
    const std::lock_guard lock(mutex_);
    current_ = &Find(collection);
    current_name_ = collection;
  }
  current_->documents.Add();
}

void SnapshotMetrics::Finished(std::string_view collection) {
  const std::lock_guard lock(mutex_);
  Find(collection).finished = true;
}

void SnapshotMetrics::End(SnapshotState state, int64_t now) {
  const std::lock_guard lock(mutex_);
  state_ = state;
  ended_ = now;
}

SnapshotMetrics::Progress SnapshotMetrics::progress() const {
  const std::lock_guard lock(mutex_);
  Progress progress{.state = state_,
                    .begun = begun_,
                    .ended = ended_,
                    .collections = static_cast<int64_t>(collections_.size())};
  for (const auto& [name, entry] : collections_) {
    if (!entry.finished && state_ != SnapshotState::kCompleted) ++progress.remaining;
    progress.documents += entry.documents.value();
    progress.by_collection.push_back({.name = name, .documents = entry.documents.value()});
  }
  return progress;
}

}  // namespace shardtail::metrics
