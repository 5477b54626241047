#ifndef SHARDTAIL_SNAPSHOT_BOARD_H_
#define SHARDTAIL_SNAPSHOT_BOARD_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mongo/bson.h"
#include "snapshot/id_range.h"
#include "snapshot/progress.h"

namespace shardtail::snapshot {

// What the stream does with an operation on a document.
enum class Decision : uint8_t {
  kPublish,
  kSkip,  // what will be copied contains it, or what was copied does
  kWait,  // until the document's range was read: hand over what Ready() has, then decide anew
};

// A range to be read at the cluster time `at`, exactly.
struct Chunk {
  uint64_t number = 0;  // never the same again
  CollectionUuid collection{};
  std::string ns;
  IdRange range;
  bson::Timestamp at;
};

// Where the copies of a replica set's collections stand, and what follows for its stream: a copy
// runs while the stream goes on, and each document's history is still right. Why that is so is in
// docs/decisions/0012-a-snapshot-inside-the-stream.md; its rules are the comments here.
//
// A collection is cut into ranges of `_id`s. A range is
//
//   planned      nobody reads it yet; what happens to it now will be in what is read
//   in flight    a worker reads it, as it was at a time `at`
//   read         its documents are in memory
//   handed over  its `r` events are in the sink, before every event of it later than `at`
//   copied       they and all events of the stream before them are acknowledged, and the stream has
//                passed the time at which its name was seen to be the collection's still: can be
//                recorded
//
// Decisions only: it holds no document, reads nothing, and waits for nothing. Not synchronised:
// workers, the stream's thread and the committer call it under one lock of their owner. Of use for
// one run of the stream: when that begins again at its stored offset, make another of the stored
// progress. Times are cluster times, compared with the `ts` of oplog entries; of a transaction that
// of its commit entry.
class Board {
 public:
  // All before `resume` was decided by an earlier run, and of the entry at that time perhaps a
  // part.
  explicit Board(bson::Timestamp resume) : decided_(resume) {}

  // --- The plan. By any thread.

  // Adds a collection that is to be copied, all but the ranges of `copied`. Before the stream
  // decides on an entry of it: operations of a collection that is not on the board are published.
  // One that IsStreamed() may come at any time, also when it was here before: all its operations
  // are published still, and wait only for a range that is read at an earlier time. With
  // Taken::kAfterSplit no worker gets any of it before Split().
  enum class Taken : uint8_t { kAtOnce, kAfterSplit };
  void Add(const CollectionUuid& collection, std::string ns, std::span<const CopiedRange> copied,
           CopyKind kind = CopyKind::kInitial, Taken taken = Taken::kAtOnce);

  // All its operations are published, as those of one that IsStreamed(): not all its documents are
  // copied, so what is read may not contain them.
  void PublishAll(const CollectionUuid& collection);

  // Cuts what is still planned of the collection at the boundaries (sorted or not, none open; none
  // at all leaves it as it is), so that several workers can read it.
  void Split(const CollectionUuid& collection, std::span<const IdBound> bounds);

  // It carries another name from now on. What was read, or is being read, is planned again: under
  // the old name the server may have found nothing. Also what was handed over, unless its name was
  // seen to be right before: it may have been renamed back since.
  void Rename(const CollectionUuid& collection, std::string ns);

  // It exists no more, or is not to be copied: its operations are published again. What a worker
  // brings of it is of no use, see Ready().
  void Remove(const CollectionUuid& collection);

  // --- Workers.

  // A planned range for a worker to read, in flight from now on, the ranges of a collection in
  // their order; nullopt when none is planned. `operation_time` is the latest majority-committed
  // time of the member that is read. To take that time before the call and the range in it, in one
  // step, is what makes `at` right: no later event of the range has been decided on.
  std::optional<Chunk> Take(bson::Timestamp operation_time);

  // The chunk was read: its documents below `end`, where that is not open (a worker stops when it
  // has enough in memory); the rest is planned again, and is the next to be taken. False where the
  // chunk is of no use any more, or `end` leaves nothing of it: throw the documents away.
  // `checked` is when the name that it was read by was seen to be the collection's.
  bool FinishRead(uint64_t chunk, const IdBound& end, bson::Timestamp checked = {});

  // It could not be read at its time: the range is planned again.
  void Fail(uint64_t chunk);

  // --- The stream's thread.

  // An entry with this `ts` is next: all before it are decided. `visible` is since when reads see
  // what it did: a prepared transaction's commitTimestamp, which lies before the ts of its commit
  // entry, else `ts` itself.
  void BeginEntry(bson::Timestamp ts, bson::Timestamp visible);

  // There is no entry left at or before `time`: a getMore came back empty with an operationTime
  // of at least that.
  void Pass(bson::Timestamp time);

  // For every operation on a document after BeginEntry(), in their order. Deletes of what will be
  // copied are published, for an earlier run may have announced the document; for one that nobody
  // announced they do no harm. So are those of a prepared transaction that a copied range contains
  // already (the commit entry comes behind it), and what the transaction does to the document then.
  Decision Decide(const CollectionUuid& collection, const bson::Element& id, bool is_delete);

  // A chunk whose `r` events must go to the sink now, before anything else of the stream: the
  // stream has passed its time, so that no event up to it can follow them. The oldest first.
  std::optional<Chunk> Ready() const;

  // Whether the stream has passed that time: what was read then may go to the sink.
  bool HasPassed(bson::Timestamp time) const { return next_ > time; }

  // All that are ready, the oldest first.
  std::vector<Chunk> AllReady() const;

  // Of a range of CopyKind::kInitial: whether every other one of that kind is handed over or copied
  // already.
  bool IsLast(uint64_t chunk) const;

  // The least time of a range that is in flight or read; nullopt when there is none.
  std::optional<bson::Timestamp> OldestRead() const;

  // They have gone. `ticket` is that of the newest event of the replica set in the sink, whether it
  // is one of them or not (a range may be empty): events of the stream up to `at` count too.
  void HandOver(uint64_t chunk, uint64_t ticket);

  // --- The committer.

  // All events up to `ticket` are acknowledged. Returns the collections with more to record. The
  // stream's offset that was acknowledged by then must be stored before the progress.
  std::vector<CollectionUuid> Settle(uint64_t ticket);

  CollectionProgress Progress(const CollectionUuid& collection) const;

  // Whether a chunk that was not handed over is of use still.
  bool Knows(uint64_t chunk) const { return chunks_.contains(chunk); }

  // The kind that it was added as; nullopt where it is not on the board.
  std::optional<CopyKind> KindOf(const CollectionUuid& collection) const;
  // Whether there is anything of it left to copy.
  bool IsUnfinished(const CollectionUuid& collection) const;

  // Whether nothing is left but to acknowledge it.
  bool all_handed_over() const;

  // Whether everything on the board is copied.
  bool complete() const { return unfinished_ == 0; }
  // The same of CopyKind::kInitial.
  bool initial_complete() const { return unfinished_initial_ == 0; }
  // Whether Take() may have something to give.
  bool may_take() const { return !queue_.empty(); }
  // Ranges that are not copied yet.
  int64_t unfinished() const { return unfinished_; }

 private:
  enum class State : uint8_t { kPlanned, kInFlight, kRead, kHandedOver, kCopied };
  struct Range {
    State state = State::kPlanned;
    bson::Timestamp at;       // from kInFlight on
    uint64_t chunk = 0;       // kInFlight to kHandedOver
    uint64_t ticket = 0;      // kHandedOver
    bson::Timestamp checked;  // kRead and kHandedOver
  };
  // By their lower boundaries; each ends where the next begins, and together they are everything.
  using Ranges = std::map<IdBound, Range, LowerBoundLess>;
  struct Collection {
    std::string ns;
    CopyKind kind = CopyKind::kInitial;
    bool awaits_split = false;  // its planned ranges are not in the queue
    bool is_streamed = false;   // no operation is skipped
    Ranges ranges;
  };
  struct Place {
    CollectionUuid collection{};
    IdBound min;
  };

  // Of an operation that what was copied contains, though its entry comes later.
  Decision DecideAgain(const CollectionUuid& collection, const bson::Element& id, bool is_delete);

  void CountUnfinished(const Collection& collection, int64_t more);
  static IdBound EndOf(const Ranges& ranges, Ranges::const_iterator range);
  // Cuts the range around `bound` there, unless it is cut there; the upper part is as the lower.
  static Ranges::iterator CutAt(Ranges& ranges, const IdBound& bound);
  Chunk MakeChunk(const Collection& collection, const CollectionUuid& uuid,
                  Ranges::const_iterator range) const;
  // The range of a chunk; nullopt when it is gone.
  std::optional<std::pair<Collection*, Ranges::iterator>> Find(uint64_t chunk);
  // A copied range and copied neighbours become one.
  void Merge(Ranges& ranges, Ranges::iterator range);

  std::map<CollectionUuid, Collection> collections_;
  std::deque<Place> queue_;                // planned ranges, and places where none is any more
  std::map<uint64_t, Place> chunks_;       // in flight or read
  std::map<uint64_t, Place> handed_over_;  // very many, where collections are small
  int64_t handed_over_initial_ = 0;        // of them, those of CopyKind::kInitial
  bson::Timestamp decided_;  // no entry later than this has been decided on, not even in part
  bson::Timestamp next_;     // every entry before this is decided
  bson::Timestamp visible_;  // of the entry that is being decided
  bson::Timestamp checked_;  // the latest of all ranges
  // `_id`s that it deletes though what was copied contains it.
  std::set<std::pair<CollectionUuid, std::string>> deleted_again_;
  uint64_t last_chunk_ = 0;
  int64_t unfinished_ = 0;
  int64_t unfinished_initial_ = 0;  // of these, those of CopyKind::kInitial
};

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_BOARD_H_
