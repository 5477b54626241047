#ifndef SHARDTAIL_PIPELINE_COPY_RECORDS_H_
#define SHARDTAIL_PIPELINE_COPY_RECORDS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "offsets/offset_store.h"
#include "pipeline/stream_snapshot.h"
#include "snapshot/progress.h"

namespace shardtail::pipeline {

// What is kept beside a replica set's offset of its copies, so that they go on in the next run:
//
//   plan            which snapshot the next ones are of, StoredOffset::copy
//   <uuid>          how far that is with a collection
//   single/<uuid>   the same of a collection that is copied alone; gone when it is complete
//   arrived/<uuid>  a collection that is to be copied again, its name
//   moving/<uuid>   the same, as soon as no other shard is being copied
//   paused          while copies are paused
//   filters         what is captured: what comes to be included later is copied
//
// Any thread, but for what is kept of one collection: who writes that (Save(), AddSingle()) must
// not be two at a time. The store must outlive it. Errors are the store's, and kFailedPrecondition
// for what is stored and cannot be read.
class CopyRecords {
 public:
  using Stored = std::map<std::string, std::string>;
  using Progress = StreamSnapshot::Progress;
  using Collections = std::map<snapshot::CollectionUuid, std::string>;  // and their names

  CopyRecords(offsets::OffsetStore& store, std::string replica_set)
      : store_(store), replica_set_(std::move(replica_set)) {}

  // What is stored of single copies, by an earlier process.
  absl::Status LoadSingle(const Stored& stored);
  static Collections FindArrived(const Stored& stored);
  static Collections FindMoving(const Stored& stored);
  static bool FindPaused(const Stored& stored);
  static std::optional<std::string> FindFilters(const Stored& stored);

  // The snapshot: a new one, which replaces all others; or what is stored of this one, and false
  // where nothing is.
  absl::Status Begin(int64_t copy, const std::stop_token& stop);
  absl::StatusOr<bool> GoOn(int64_t copy, const std::stop_token& stop);
  // What is known here of the snapshot; what is stored stays.
  void Clear();

  Progress initial() const;
  Progress single() const;
  std::optional<snapshot::CollectionProgress> FindSingle(
      const snapshot::CollectionUuid& uuid) const;

  // At once. AddSingle() replaces what was to be stored of such a collection.
  absl::Status AddSingle(const Progress& single);
  absl::Status RemoveSingle(const snapshot::CollectionUuid& uuid);
  absl::Status AddArrived(const snapshot::CollectionUuid& uuid, const std::string& ns);
  absl::Status RemoveArrived(const snapshot::CollectionUuid& uuid);
  absl::Status AddMoving(const snapshot::CollectionUuid& uuid, const std::string& ns);
  absl::Status RemoveMoving(const snapshot::CollectionUuid& uuid);
  absl::Status SetPaused(bool paused);
  absl::Status SetFilters(const std::string& filters);

  // With the next Save().
  void Note(const snapshot::CollectionUuid& uuid, snapshot::CollectionProgress progress);
  void NoteSingleEnded(const snapshot::CollectionUuid& uuid);
  // What was noted; where the snapshot is complete, what is stored of it goes. An error: again with
  // the next.
  absl::Status Save(bool initial_complete);

 private:
  absl::Status SaveOne(std::string key, std::optional<std::string> value);
  // Of the snapshot; with `single`, also of the copies of single collections.
  absl::Status RemoveStored(bool single, const std::stop_token& stop);

  offsets::OffsetStore& store_;
  const std::string replica_set_;
  mutable std::mutex mutex_;                // guards all below; not held while something is stored
  Progress initial_;                        // what is stored of the snapshot
  Progress single_;                         // copies of single collections that are not complete
  offsets::OffsetStore::Progress unsaved_;  // noted, and not stored yet
  bool initial_stored_ = false;             // there may be records of the snapshot
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_COPY_RECORDS_H_
