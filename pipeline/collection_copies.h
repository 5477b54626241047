#ifndef SHARDTAIL_PIPELINE_COLLECTION_COPIES_H_
#define SHARDTAIL_PIPELINE_COLLECTION_COPIES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/regex.h"
#include "filter/namespace_filter.h"
#include "metrics/replica_set_metrics.h"
#include "offsets/offset_store.h"
#include "pipeline/copy_notifier.h"
#include "pipeline/copy_records.h"
#include "pipeline/cross_shard_order.h"
#include "pipeline/delivery.h"
#include "pipeline/member.h"
#include "pipeline/offset_committer.h"
#include "pipeline/options.h"
#include "pipeline/snapshot_reporter.h"
#include "pipeline/stream_snapshot.h"

namespace shardtail::pipeline {

// The copies of one replica set's collections, over all the runs of its pipeline: its snapshot, and
// those of single collections (snapshot::CopyKind). Each begins, goes on after whatever interrupted
// it, and ends; the copying itself is a StreamSnapshot's, one for each run of the stream.
//
// A copy is under way from Prepare(), Begin() or Copy…() on until all of it is acknowledged. What
// was read goes out in Advance() and Admit(), on the replica set's thread, which all functions
// belong to but for Record().
class CollectionCopies {
 public:
  // What it borrows; all must outlive it.
  struct Parts {
    offsets::OffsetStore& store;
    OffsetCommitter& committer;
    const filter::NamespaceFilter& namespace_filter;
    base::Clock& clock;
    metrics::ReplicaSetMetrics& metrics;
    CopyNotifier& notifier;
    CrossShardOrder* order;  // null for a replica set that is no shard
    // The last offset handed to the sink, the pipeline's; with `initsync` as long as the snapshot
    // is not complete, and `copy`, which tells it from others.
    std::optional<offsets::StoredOffset>& progress;
  };

  CollectionCopies(Parts parts, const Options& options, std::string replica_set);

  // Where events go from now on; null: nowhere, and what was copied to the last is as it is stored.
  void SetDelivery(Delivery* delivery);

  // Once in the process, with what is kept beside the offset: copies of single collections, and the
  // filters; has those copied that the filters include only now.
  absl::Status Load(const CopyRecords::Stored& stored, Member& member);

  // A snapshot of everything is to come next, a new one or the one whose progress is stored.
  void Need();
  bool needed() const { return needed_; }
  // Whether one has begun since the process did.
  bool has_copied() const { return has_copied_; }
  // Begins what is needed: where it is copied from, and what is copied already.
  absl::Status Prepare(Member& member, const std::stop_token& stop);

  bool under_way() const { return copying_; }
  // Also what an earlier run left.
  bool has_any() const { return copying_ || !records_.single().empty(); }
  // Whether what is under way comes before the stream: snapshot.streaming=after.
  bool comes_first() const { return copying_ && after() && parts_.progress->initsync; }
  bool paused() const { return paused_; }

  // What to call, on whatever thread, when Advance() may have something to do: for the next run, to
  // whose EndRun() all that it refers to must live.
  void TellWhenReady(std::function<void()> ready) { ready_ = std::move(ready); }

  // Begins to read, or goes on: what is under way, and the single collections that are not
  // complete. The latter only inside the stream.
  absl::Status Begin(Member& member, bool before_stream, const std::stop_token& stop);
  // The end of a run: a copy that is not complete goes on in the next.
  void EndRun();

  // Around each entry of the oplog; see StreamSnapshot.
  absl::Status BeginEntry(bson::View entry, Member& member, const std::stop_token& stop);
  absl::StatusOr<bool> Admit(const event::ChangeEvent& event, const std::stop_token& stop);
  void PassOver(const event::ChangeEvent& event);
  absl::Status EndEntry(bson::Timestamp ts, const std::stop_token& stop);
  // Of a shard, before an event of the entry under way waits for others: what they could wait for.
  absl::Status BeforeWait(const event::Namespace& ns, const std::stop_token& stop);

  // Whether a copy is under way of which there is more to read or to hand over.
  bool has_more() const { return copying_ && !snapshot_->all_handed_over(); }
  // Hands over what was read; ends the copy when all of it is acknowledged.
  absl::Status Advance(Member& member, const std::stop_token& stop);

  // The stream has moved on.
  void NoteStreamed();

  // Whether collections that come under a captured name, or become included, are copied: not in
  // Debezium 1.3.
  bool CopiesWhatComesLater() const;
  // A collection came under a captured name, in the entry under way.
  absl::Status CopyLate(const snapshot::CollectionUuid& uuid, const event::Namespace& ns,
                        Member& member, const std::stop_token& stop);
  // Copies a collection again, those documents that `query` asks for (empty: all); also of a copy
  // under way for another query, which begins anew for both. False where the copy under way has
  // them. `signal`: the id of who asks.
  absl::StatusOr<bool> CopyAgain(const SnapshotSource::Collection& collection,
                                 const bson::Document& query, const std::string& signal,
                                 Member& member, const std::stop_token& stop);
  // Begins the copies of collections of which something came from other shards, unless something is
  // in the way.
  absl::Status CopyArrived(Member& member, const std::stop_token& stop);

  // Ends the copies that CopyAgain() began of the collections that match, or all where there is no
  // pattern. Returns how many.
  int64_t Stop(std::span<const base::Regex> collections);
  // From now on, also in the next process.
  absl::Status SetPaused(bool paused);

  // The collections of the member that `accepts` takes.
  static absl::StatusOr<std::vector<SnapshotSource::Collection>> Find(
      Member& member, absl::FunctionRef<absl::StatusOr<bool>(const event::Namespace&)> accepts);

  // The committer's, when an offset is stored; see OffsetCommitter::OnStored.
  absl::Status Record(const offsets::StoredOffset& stored, uint64_t settled);

 private:
  absl::Status CompareFilters(const std::optional<std::string>& known, Member& member);
  // An interrupted copy's begin that is not in the oplog any more is none.
  absl::Status GiveUpLostStart(Member& member);
  // Has it stored that a new snapshot begins.
  absl::Status BeginNew(Member& member, const std::stop_token& stop);
  StreamSnapshot::Hooks MakeHooks(Member& member, bool before_stream, const std::stop_token& stop);
  absl::Status BeginSingle(Member& member);
  // Gives them the names that they have now; an empty one where there is no such collection.
  absl::Status FindNames(Member& member, CopyRecords::Progress* single);
  // Copies one collection inside the stream, from now on whatever happens to the process.
  absl::Status CopyOne(const snapshot::CollectionUuid& uuid,
                       const snapshot::CollectionProgress& progress, Member& member,
                       const std::stop_token& stop);
  // The query for both documents of CopyAgain(); nullopt where the copy under way has all.
  std::optional<bson::Document> QueryForBoth(const snapshot::CollectionUuid& uuid,
                                             const bson::Document& query);
  // In the entry under way a range of a collection may have come from another shard after this one
  // was copied, and before that one: it is in neither copy, and copied again. So is a collection
  // that comes whole, when no other shard is being copied: only then is sure that all of it is
  // here, and that no older state of it follows from there.
  absl::Status NoteArrived(Member& member, const std::stop_token& stop);
  // Whether no other shard is being copied.
  absl::StatusOr<bool> OthersAreCopied(Member& member, const std::stop_token& stop);
  // Asks the store whether shards that other processes capture are being copied.
  absl::Status NoteCopiesElsewhere(Member& member, const std::stop_token& stop);
  // Whether a copy takes the collection.
  absl::StatusOr<bool> Copies(const event::Namespace& ns);
  absl::Status EndInitial(Member& member);
  // With both mutexes held: what is to be recorded, now that all up to this ticket is acknowledged.
  void NoteSettled(uint64_t settled);
  bool after() const { return options_.snapshot_streaming == SnapshotStreaming::kAfter; }

  const Parts parts_;
  const Options& options_;
  const std::string replica_set_;
  CopyRecords records_;
  Delivery* delivery_ = nullptr;

  std::mutex record_mutex_;    // taken first: records of one collection are written one by one
  std::mutex snapshot_mutex_;  // guards the pointer, for the committer's thread
  std::unique_ptr<StreamSnapshot> snapshot_;
  std::unique_ptr<SnapshotReporter> reporter_;  // while it copies
  std::function<void()> ready_ = [] {};

  bool needed_ = false;  // progress, if any, is then where the first attempt began
  bool copying_ = false;
  bool paused_ = false;  // no reads
  bool has_copied_ = false;
  int copies_in_a_row_ = 0;  // without an entry streamed between them
  // To be copied again when no copy of them is under way; stored as well.
  CopyRecords::Collections arrived_;
  CopyRecords::Collections moving_;  // the same, and also when no other shard is being copied
  absl::Duration elsewhere_asked_;   // by the clock
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_COLLECTION_COPIES_H_
