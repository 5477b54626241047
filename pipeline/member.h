#ifndef SHARDTAIL_PIPELINE_MEMBER_H_
#define SHARDTAIL_PIPELINE_MEMBER_H_

#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "event/change_event.h"
#include "mongo/client.h"
#include "offsets/stored_offset.h"
#include "pipeline/snapshot_source.h"
#include "tailer/incoming_migrations.h"
#include "tailer/oplog_source.h"

namespace shardtail::pipeline {

// The member of a replica set that a pipeline reads from, as the pipeline needs it: a server, or a
// test. One thread at a time, but for the sources, which may be read by another.
class Member {
 public:
  virtual ~Member() = default;

  // `host:port`, for the log.
  virtual std::string name() const = 0;

  // The last majority-committed entry: where a capture that begins now begins.
  virtual absl::StatusOr<offsets::StoredOffset> Latest() = 0;

  // The entries after `from` (with a transaction's own entry again, when from.index > 0). The first
  // Next() tells whether `from` is still in the oplog; see tailer::OplogSource.
  virtual absl::StatusOr<std::unique_ptr<tailer::OplogSource>> Tail(
      const event::Position& from) = 0;

  virtual tailer::EntryLookup& lookup() = 0;

  // A connection of its own for each worker of a copy. Any thread.
  virtual absl::StatusOr<std::unique_ptr<SnapshotSource>> OpenSnapshotSource() = 0;

  // Where the oplog begins, and whether the replica set's own beginning is still in it: then all
  // that it holds came through its oplog.
  struct Beginning {
    offsets::StoredOffset first;
    bool whole = false;
  };
  virtual absl::StatusOr<Beginning> FindBeginning() = 0;

  // The last entry at or before `ts`; kNotFound where the oplog begins later.
  virtual absl::StatusOr<offsets::StoredOffset> LastUntil(bson::Timestamp ts) = 0;

  // Of a shard: see tailer::IncomingMigrations.
  virtual bool GivesMigrationSigns() const = 0;
  virtual absl::StatusOr<tailer::IncomingRanges> PendingRanges() = 0;

  // A time no earlier than any entry read so far.
  virtual absl::StatusOr<mongo::ClusterTime> ClusterTimeNow() = 0;

  // kUnavailable when another member is to be read now (this one stepped down or is cut off).
  virtual absl::Status CheckRole() = 0;
};

// Finds the member to read from. One thread at a time.
class MemberSource {
 public:
  virtual ~MemberSource() = default;
  virtual absl::StatusOr<std::unique_ptr<Member>> Find(const std::stop_token& stop) = 0;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_MEMBER_H_
