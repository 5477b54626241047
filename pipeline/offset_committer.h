#ifndef SHARDTAIL_PIPELINE_OFFSET_COMMITTER_H_
#define SHARDTAIL_PIPELINE_OFFSET_COMMITTER_H_

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "offsets/ack_tracker.h"
#include "offsets/offset_store.h"

namespace shardtail::pipeline {

// Stores every replica set's low-water mark once in an interval, where it has moved. One thread for
// all of them. A save that fails is logged and tried again at the next interval: a stored offset
// that is too old costs repeated events, never lost ones.
//
// All functions may be called from any thread. The store and the clock must outlive it.
class OffsetCommitter {
 public:
  OffsetCommitter(offsets::OffsetStore& store, absl::Duration interval, base::Clock& clock);

  // From now on `tracker`'s mark is stored; it must outlive the call of Remove().
  // `on_stored`, where it is given, is called when an offset is stored, or is as stored already:
  // with that offset, and the ticket up to which all was acknowledged before. Its error counts as
  // the save's. By the thread that stores, with a lock held: it must not call the committer.
  using OnStored =
      std::function<absl::Status(const offsets::StoredOffset& stored, uint64_t settled)>;
  void Add(const std::string& replica_set, const offsets::AckTracker& tracker,
           OnStored on_stored = nullptr);

  // Stores the mark a last time, and forgets the tracker. The save's status.
  absl::Status Remove(const std::string& replica_set);

  // Stores one mark now.
  absl::Status CommitNow(const std::string& replica_set);

  // Stores all marks now; the first error. The thread calls it.
  absl::Status CommitAll();

 private:
  struct Entry {
    const offsets::AckTracker* tracker;
    OnStored on_stored;
    std::optional<offsets::StoredOffset> saved;
  };
  // With mutex_ held.
  absl::Status Commit(const std::string& replica_set, Entry& entry);
  void Run(const std::stop_token& stop);

  offsets::OffsetStore& store_;
  const absl::Duration interval_;
  base::Clock& clock_;
  std::mutex mutex_;  // guards entries_, and makes saves of one replica set follow each other
  std::map<std::string, Entry> entries_;
  bool failing_ = false;  // guarded by mutex_: the last save failed and was logged
  std::jthread thread_;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_OFFSET_COMMITTER_H_
