#ifndef SHARDTAIL_METRICS_SNAPSHOT_METRICS_H_
#define SHARDTAIL_METRICS_SNAPSHOT_METRICS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/counter.h"

namespace shardtail::metrics {

enum class SnapshotState : uint8_t { kNone, kRunning, kCompleted, kAborted };

// How far the copy of one replica set is. The functions that change it belong to one thread where
// nothing else is said; any may call the others. Times are milliseconds since the Unix epoch.
class SnapshotMetrics {
 public:
  // A copy begins: what is known of an earlier one goes.
  void Begin(int64_t now);
  // `db.collection` is to be copied.
  void Expect(std::string_view collection);
  // A document of it was copied.
  void Copied(std::string_view collection);
  // All of it is copied. Any thread.
  void Finished(std::string_view collection);
  void End(SnapshotState state, int64_t now);

  struct Collection {
    std::string name;
    int64_t documents = 0;
  };
  // A copy of what is known.
  struct Progress {
    SnapshotState state = SnapshotState::kNone;
    int64_t begun = 0;
    int64_t ended = 0;                      // 0: not yet
    int64_t collections = 0;                // to be copied
    int64_t remaining = 0;                  // of them: not copied yet
    int64_t documents = 0;                  // copied
    std::vector<Collection> by_collection;  // by name
  };
  Progress progress() const;

 private:
  struct Entry {
    Counter documents;
    bool finished = false;  // guarded by mutex_
  };
  Entry& Find(std::string_view collection);

  mutable std::mutex mutex_;  // guards all but what the changing thread alone reads
  SnapshotState state_ = SnapshotState::kNone;
  int64_t begun_ = 0;
  int64_t ended_ = 0;
  std::map<std::string, Entry, std::less<>> collections_;
  std::string current_name_;  // of the changing thread
  Entry* current_ = nullptr;  // of the changing thread
};

}  // namespace shardtail::metrics

#endif  // SHARDTAIL_METRICS_SNAPSHOT_METRICS_H_
