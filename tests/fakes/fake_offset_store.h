#ifndef SHARDTAIL_TESTS_FAKES_FAKE_OFFSET_STORE_H_
#define SHARDTAIL_TESTS_FAKES_FAKE_OFFSET_STORE_H_

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "offsets/offset_store.h"

namespace shardtail::fakes {

// Keeps offsets in memory, and every save in order. Safe for any thread.
class FakeOffsetStore : public offsets::OffsetStore {
 public:
  using OffsetStore::LoadAll;
  absl::StatusOr<std::map<std::string, offsets::StoredOffset>> LoadAll(
      const std::stop_token&) override {
    const std::lock_guard lock(mutex_);
    if (!status_.ok()) return status_;
    return offsets_;
  }

  absl::Status Save(std::string_view replica_set, const offsets::StoredOffset& offset) override {
    const std::lock_guard lock(mutex_);
    if (!status_.ok()) return status_;
    offsets_[std::string(replica_set)] = offset;
    saves_.push_back(offset);
    return absl::OkStatus();
  }

  absl::Status Delete(std::string_view replica_set) override {
    const std::lock_guard lock(mutex_);
    offsets_.erase(std::string(replica_set));
    progress_.erase(std::string(replica_set));
    return absl::OkStatus();
  }

  absl::StatusOr<std::map<std::string, std::string>> LoadProgress(std::string_view replica_set,
                                                                  const std::stop_token&) override {
    const std::lock_guard lock(mutex_);
    if (!status_.ok()) return status_;
    return progress_[std::string(replica_set)];
  }

  absl::Status SaveProgress(std::string_view replica_set, const Progress& progress) override {
    const std::lock_guard lock(mutex_);
    if (!status_.ok()) return status_;
    auto& of_set = progress_[std::string(replica_set)];
    for (const auto& [collection, text] : progress) {
      of_set.erase(collection);
      if (text.has_value()) of_set.emplace(collection, *text);
    }
    return absl::OkStatus();
  }

  void FailWith(const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    status_ = status;
  }

  std::vector<offsets::StoredOffset> saves() const {
    const std::lock_guard lock(mutex_);
    return saves_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, offsets::StoredOffset> offsets_;
  std::map<std::string, std::map<std::string, std::string>> progress_;  // by replica set
  std::vector<offsets::StoredOffset> saves_;
  absl::Status status_;
};

}  // namespace shardtail::fakes

#endif  // SHARDTAIL_TESTS_FAKES_FAKE_OFFSET_STORE_H_
