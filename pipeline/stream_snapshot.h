#ifndef SHARDTAIL_PIPELINE_STREAM_SNAPSHOT_H_
#define SHARDTAIL_PIPELINE_STREAM_SNAPSHOT_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "event/change_event.h"
#include "pipeline/options.h"
#include "pipeline/snapshot_reporter.h"
#include "pipeline/snapshot_source.h"
#include "snapshot/board.h"
#include "tailer/oplog_entry.h"

namespace shardtail::pipeline {

// A snapshot that runs inside one run of the stream (docs/decisions/0012): its workers read ranges
// at exact times into memory, the stream's thread hands their `r` events over where they belong
// between the oplog's entries, and decides by them what becomes of each change. Or it runs before
// the stream (snapshot.streaming=after), by HandOverReady() alone.
//
// The functions belong to the stream's thread but for Settle().
class StreamSnapshot {
 public:
  using OpenSource = std::function<absl::StatusOr<std::unique_ptr<SnapshotSource>>()>;

  // What the stream does for the snapshot, on its own thread.
  struct Hooks {
    // Sends an `r` event.
    std::function<absl::Status(const event::ChangeEvent& event)> publish;
    // Of a shard: before what was read at `time` goes out, all others must have passed it.
    std::function<absl::Status(std::string_view ns, bson::Timestamp time)> before_range;
    // The ticket of the newest event in the sink.
    std::function<uint64_t()> last_ticket;
    // Whether a collection is captured.
    std::function<absl::StatusOr<bool>(const event::Namespace&)> captures;
    // The first documents of a collection go out.
    std::function<void(const snapshot::CollectionUuid& uuid, const std::string& ns)> begun;
    // There may be something to hand over, or a worker failed. On a worker's thread.
    std::function<void()> ready;
  };

  // Progress of an earlier run by collection.
  using Progress = std::map<snapshot::CollectionUuid, snapshot::CollectionProgress>;

  // `start`: all before it, and it, was handled by earlier runs; `reached`, which is no earlier: of
  // the entry at that time a part was. `before_stream`: all of it is handed over before the stream
  // begins there. `clock` must outlive it.
  StreamSnapshot(OpenSource open_source, Hooks hooks, const Options& options,
                 const tailer::OplogPoint& start, bson::Timestamp reached, bool before_stream,
                 base::Clock& clock);
  // Ends the workers, and waits for them: for the reads under way.
  ~StreamSnapshot();

  // No more reads; Settle() goes on. Waits for the reads under way.
  void StopWorkers();

  // Copies all captured collections, but for what `progress` says is copied: the replica set's own
  // snapshot. Returns how many.
  absl::StatusOr<int64_t> CopyAll(const Progress& progress);

  // Copies one more collection, as `progress` says and but for what it says is copied; no event of
  // it carries source.snapshot=last. Also when all else is copied. False, and nothing happens, when
  // it is being copied already, unless the copy is to begin `anew`; of CopyKind::kLate also when it
  // was.
  bool CopyOne(const snapshot::CollectionUuid& uuid, const snapshot::CollectionProgress& progress,
               bool anew = false);

  // Whether the collection is being copied now.
  bool IsCopying(const snapshot::CollectionUuid& uuid) const;

  // Ends the copies of CopyKind::kAgain whose collections match, or all of them where there is no
  // pattern. Returns how many.
  int64_t Stop(std::span<const base::Regex> collections);

  // While it is paused no read begins; what was read still goes out.
  void SetPaused(bool paused);

  // Whether there is anything left to copy. From true to false exactly when all is acknowledged and
  // Settle() was told.
  bool active() const;
  // Whether the collection is being copied, or was since the beginning of this run.
  bool Knows(const snapshot::CollectionUuid& uuid) const;
  // As active(), of what CopyAll() began.
  bool initial_active() const;

  // The least time of a range that is being read or waits to be handed over.
  std::optional<bson::Timestamp> OldestRead() const;

  // For every entry, before its events. Follows drops and renames.
  absl::Status BeginEntry(bson::View bytes);

  // Whether the event is to be published; false when a range that is or will be copied contains it.
  // Hands over what must go before it, and waits for a read that must.
  absl::StatusOr<bool> Admit(const event::ChangeEvent& event, const std::stop_token& stop);

  // Instead, for an operation of the entry that an earlier run has published, or left out: what
  // follows in the entry may depend on it.
  void PassOver(const event::ChangeEvent& event);

  // The entry at `ts` is handled: hands over what was read up to it.
  absl::Status EndEntry(bson::Timestamp ts, const std::stop_token& stop);

  // Hands over every range that was read before `ts`, those first that are still being read.
  absl::Status HandOverBefore(bson::Timestamp ts, const std::stop_token& stop);

  // Hands over what is ready now; before the stream whatever was read, as if it had been read at
  // `start`: all of the stream since then follows.
  absl::Status HandOverReady(const std::stop_token& stop);

  // The committer's: all events up to `ticket` are acknowledged and the offset is stored. What is
  // to be recorded now: by UUID, the progress. Any thread.
  std::vector<std::pair<snapshot::CollectionUuid, snapshot::CollectionProgress>> Settle(
      uint64_t ticket);

  // Collections of CopyOne() that are not to be copied any more, since the last call: dropped,
  // renamed to a name that is not captured, or refused by the server. Any thread.
  struct Forgotten {
    snapshot::CollectionUuid uuid{};
    std::string reason;
  };
  std::vector<Forgotten> TakeForgotten();

  // How many of the collection's documents have gone out in this run. Any thread.
  int64_t DocumentsOf(const snapshot::CollectionUuid& uuid) const;

  // How far each collection is, by name.
  std::vector<CollectionCount> Counts() const;

  // Whether every range's events have gone; some may not be acknowledged yet.
  bool all_handed_over() const;

  bool before_stream() const { return before_stream_; }
  int64_t documents() const { return documents_; }
  bool marked_last() const { return marked_last_; }

 private:
  // What was read of a range and has not gone out.
  struct ReadRange {
    snapshot::Chunk chunk;
    tailer::OplogPoint at;                        // what its events carry
    std::deque<SnapshotSource::Documents> parts;  // never empty; several where it cannot be held
    bool whole = false;                           // else it is still being read
  };

  // Before the stream no entry tells of a drop or a rename: looks for the collections that could
  // not be read, and goes on without those that are gone.
  absl::Status FindMissed();
  // With mutex_ held: the collection has this name now.
  void Rename(const snapshot::CollectionUuid& uuid, std::string ns);
  // With mutex_ held: the collection is not to be copied any more; what was read for nothing goes.
  void Forget(const snapshot::CollectionUuid& uuid, std::string reason);
  void DropUseless();
  // With mutex_ held: puts it on the board, to be cut first where several workers can share it.
  void Plan(const snapshot::CollectionUuid& uuid, const std::string& ns,
            std::span<const snapshot::CopiedRange> copied, snapshot::CopyKind kind);
  void StartWorkers();
  void Work(const std::stop_token& stop);
  absl::Status WorkUntil(const std::stop_token& stop);
  // Plans, or reads, one thing. False when there is nothing to do now.
  absl::StatusOr<bool> WorkOnce(SnapshotSource& source, const std::stop_token& stop);
  // Of collections whose size is not known yet, one. False when there is none.
  absl::StatusOr<bool> EstimateOnce(SnapshotSource& source);
  // Of collections that are to be cut, one. False when there is none that can be now.
  absl::StatusOr<bool> CutOnce(SnapshotSource& source);
  // Of a range that is still being read. False when no more is wanted.
  bool TakePart(const snapshot::Chunk& chunk, const tailer::OplogPoint& at,
                SnapshotSource::Documents part, const std::stop_token& stop);
  // The range is to be read once more, in parts from now on.
  void ReadInParts(const snapshot::Chunk& chunk);
  // Whether a copy that somebody asked for cannot be made, and is given up: a query that the server
  // refuses, say. It must not end the capture.
  bool GiveUp(const snapshot::Chunk& chunk, const absl::Status& status);
  // False when the collection is not there under its name, as far as that is known.
  absl::StatusOr<bool> Describe(SnapshotSource& source, SnapshotSource::Collection* collection);
  // With mutex_ held.
  void Keep(const snapshot::Chunk& chunk, const tailer::OplogPoint& at,
            SnapshotSource::Documents part, bool whole);
  // Waits so long that no more is read than the limits say.
  void KeepLimits(const SnapshotSource::Documents& documents, const std::stop_token& stop);

  // `all`: also the last one that has documents, which is else kept back as long as others may
  // follow that have none, so that the very last event can be marked.
  absl::Status HandOverAll(bool all, const std::stop_token& stop);
  // What there is of the range.
  absl::Status HandOver(const snapshot::Chunk& chunk, const std::stop_token& stop);
  // With mutex_ held: a range still being read of which something may go out, if its time is before
  // `ts`.
  std::optional<snapshot::Chunk> FindParts(bson::Timestamp ts) const;
  // With mutex_ held: whether anything may go out.
  bool HasReady() const;
  // Sends the documents, and lets them go. `last`: the last of them is the very last event.
  absl::Status EmitAll(const snapshot::Chunk& chunk, const SnapshotSource::Documents& part,
                       const tailer::OplogPoint& at, bool last, const std::stop_token& stop);
  absl::Status Emit(const std::string& ns, bson::View document, const tailer::OplogPoint& at,
                    event::SnapshotMark mark);

  const OpenSource open_source_;
  const Hooks hooks_;
  const Options& options_;
  const tailer::OplogPoint start_;
  const bool before_stream_;
  base::Clock& clock_;
  const int64_t max_bytes_;  // read and not handed over, before workers wait

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable_any changed_;
  snapshot::Board board_;
  std::map<snapshot::CollectionUuid, SnapshotSource::Collection> collections_;
  std::vector<Forgotten> forgotten_;
  std::set<snapshot::CollectionUuid> missed_;  // could not be read under their names, or not then
  bool paused_ = false;
  std::deque<snapshot::CollectionUuid> uncut_;  // whose boundaries are to be planned
  std::vector<snapshot::CollectionUuid> unestimated_;
  struct Size {
    int64_t documents = 0;  // handed over
    std::optional<int64_t> estimate;
  };
  std::map<snapshot::CollectionUuid, Size> sizes_;
  std::map<uint64_t, ReadRange> read_;                  // by the chunk's number
  int64_t bytes_ = 0;                                   // of these
  bson::Timestamp newest_;                              // the time of the latest read
  absl::Duration read_allowed_ = absl::ZeroDuration();  // by the clock: no read earlier
  absl::Status failure_;                                // of a worker, for the stream

  int64_t documents_ = 0;     // of the stream's thread, as is the next
  bool marked_last_ = false;  // the very last event
  std::vector<std::jthread> workers_;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_STREAM_SNAPSHOT_H_
