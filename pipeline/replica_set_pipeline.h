#ifndef SHARDTAIL_PIPELINE_REPLICA_SET_PIPELINE_H_
#define SHARDTAIL_PIPELINE_REPLICA_SET_PIPELINE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "encoding/json_encoder.h"
#include "encoding/metadata_json.h"
#include "filter/field_filter.h"
#include "filter/namespace_filter.h"
#include "metrics/replica_set_metrics.h"
#include "offsets/ack_tracker.h"
#include "offsets/offset_store.h"
#include "pipeline/cross_shard_order.h"
#include "pipeline/member.h"
#include "pipeline/offset_committer.h"
#include "pipeline/options.h"
#include "pipeline/publisher.h"
#include "pipeline/signal_post.h"
#include "pipeline/snapshot_reporter.h"
#include "pipeline/stream_snapshot.h"
#include "sink/sink.h"
#include "tailer/entry_decoder.h"
#include "tailer/window_alarm.h"

namespace shardtail::pipeline {

// Where a replica set without a stored offset begins.
enum class Beginning : uint8_t {
  kConnector,  // as snapshot.mode says: nothing was captured before
  // The others were captured before this one came: with the beginning of its oplog, where that is
  // still there. Else as snapshot.mode says, but from the oldest entry rather than from now.
  kLater,
};

struct PipelineStart {
  Beginning beginning = Beginning::kConnector;
  // Of a shard that must not take all of its stored offset for granted in the process's first
  // run: see offsets::ShardsToStartEarlier().
  std::optional<bson::Timestamp> no_later_than;
  // Of a shard that has a complete copy, as far as is known, or is new: others need not count with
  // reads for a copy of it before they begin.
  bool copied = false;
};

// Captures one replica set: finds the stored offset, copies what is there where there is none, and
// then streams the oplog for as long as nobody asks to stop.
//
// Run() may be called again after an error: it goes on exactly after the last event that was handed
// to the sink, without repeating any, unless the sink itself failed; then a new one is made and the
// capture goes on from the stored offset.
//
// A copy (StreamSnapshot) runs inside the stream, and goes on where it was interrupted. With
// snapshot.streaming=after it comes before the stream, which starts at the position where the
// *first* attempt at it began: what was announced and deleted since is so deleted in the topics
// as well.
//
// Run(), Drain() and the constructor belong to one thread, the replica set's.
class ReplicaSetPipeline {
 public:
  using MakeSink =
      std::function<absl::StatusOr<std::unique_ptr<sink::Sink>>(sink::DeliveryListener&)>;

  // What a pipeline borrows; all must outlive it.
  struct Parts {
    MemberSource& members;
    MakeSink make_sink;
    offsets::OffsetStore& store;
    OffsetCommitter& committer;
    const filter::NamespaceFilter& namespace_filter;
    const filter::FieldFilter& field_filter;
    const encoding::JsonEncoder& encoder;
    const encoding::MetadataJson& metadata;
    base::Clock& clock;
    SignalPost& signals;  // takes those of the signal collection, gives those for this replica set
  };

  // `order` only for a shard of a cluster.
  ReplicaSetPipeline(Parts parts, Options options, std::string replica_set,
                     PipelineStart start = {}, std::unique_ptr<CrossShardOrder> order = nullptr);
  ~ReplicaSetPipeline();

  // Any thread: whether Run() is to end with OK when it has handled what is in the oplog now.
  void SetFinishing(bool finishing) { finishing_ = finishing; }

  // Any thread: null for a replica set that is no shard.
  CrossShardOrder* order() const { return order_.get(); }

  // Else returns only with an error: kCancelled after a stop request; kUnavailable where another
  // try may help; others are final until somebody changes something.
  absl::Status Run(const std::stop_token& stop);

  // Waits until all that was sent is delivered, and stores the last offset. kDeadlineExceeded says
  // how many events are still in flight: they come again after the next start.
  absl::Status Drain(absl::Duration timeout);

  const std::string& replica_set() const { return replica_set_; }
  const metrics::PipelineMetrics& metrics() const { return metrics_; }
  const metrics::TailerMetrics& tailer_metrics() const { return tailer_metrics_; }
  const metrics::ReplicaSetMetrics& all_metrics() const { return all_metrics_; }

 private:
  // A sink with what counts its acknowledgements; replaced as a whole when the sink fails.
  struct Delivery;

  absl::Status OpenDelivery();
  absl::Status CloseDelivery();
  // Where to go on from; decides whether to copy first.
  absl::Status FindStart(Member& member, const std::stop_token& stop);
  absl::Status FindFirstStart(Member& member);
  absl::Status StartEarlier(Member& member, bson::Timestamp ts);
  // Makes copy_needed_ a copy inside the stream: where it begins, and what is copied already.
  absl::Status PrepareCopy(Member& member, const std::stop_token& stop);
  // Reads what is stored of this very copy into recorded_; false where nothing is.
  absl::StatusOr<bool> LoadProgress(const std::stop_token& stop);
  // Of the replica set's own snapshot; with `single`, also of the copies of single collections.
  absl::Status RemoveProgress(bool single, const std::stop_token& stop);
  // Once in the process: reads what is kept beside the offset of copies of single collections,
  // signals and the filters; has those copied that the filters include only now.
  absl::Status LoadKept(Member& member, const std::stop_token& stop);
  absl::Status LoadSignals(const std::map<std::string, std::string>& stored);
  absl::Status LoadSingleCopies(const std::map<std::string, std::string>& stored);
  absl::Status CompareFilters(const std::map<std::string, std::string>& stored, Member& member);
  absl::Status BeginCopy(Member& member, bool before_stream, const std::stop_token& stop);
  // Gives them the names that they have now; an empty one where there is no such collection.
  absl::Status FindNames(Member& member, StreamSnapshot::Progress* single);
  // Copies one collection inside the stream, from now on whatever happens to the process.
  absl::Status CopyOne(const snapshot::CollectionUuid& uuid,
                       const snapshot::CollectionProgress& progress, Member& member,
                       const std::stop_token& stop);
  // Does what the signals ask for that have come; before the stream, only what pauses and resumes.
  absl::Status TakeSignals(Member& member, bool before_stream, const std::stop_token& stop);
  absl::Status TakeSignal(const signals::Signal& signal, Member& member,
                          const std::stop_token& stop);
  absl::Status ExecuteSnapshot(const signals::Signal& signal, Member& member,
                               const std::stop_token& stop);
  absl::Status SetPaused(bool paused);
  // An insert into the signal collection.
  absl::Status HandleSignal(const event::ChangeEvent& event);
  // The query of the documents to copy of a collection that a signal asks for: also those of a copy
  // under way for another one's query, which begins anew. nullopt where the copy under way has all.
  std::optional<bson::Document> QueryForBoth(const snapshot::CollectionUuid& uuid,
                                             const bson::Document& query);
  // A collection came under a captured name, in the entry under way.
  absl::Status HandleArrival(const snapshot::CollectionUuid& uuid, const event::Namespace& ns,
                             Member& member, const std::stop_token& stop);
  // Whether collections that come under a captured name, or become included, are copied: not in
  // Debezium 1.3.
  bool CopiesWhatComesLater() const;
  // In the entry under way a range of a collection may have come from another shard after this one
  // was copied, and before that one: it is on neither, and copied again.
  absl::Status NoteArrivedRanges(Member& member);
  // Begins the copies of arrived_ that nothing is in the way of.
  absl::Status CopyArrivedRanges(Member& member, const std::stop_token& stop);
  // Whether a copy takes the collection.
  absl::StatusOr<bool> Copies(const event::Namespace& ns);
  // Hands over what was read; ends the copy when all of it is acknowledged.
  absl::Status AdvanceCopy(Member& member, const std::stop_token& stop);
  absl::Status EndInitialCopy(Member& member);
  // With both mutexes held: what is to be recorded, now that all up to this ticket is acknowledged.
  void NoteSettled(uint64_t settled);
  // The committer's, when an offset is stored.
  absl::Status RecordProgress(const offsets::StoredOffset& stored, uint64_t settled);
  bool after() const { return options_.snapshot_streaming == SnapshotStreaming::kAfter; }
  // With snapshot.streaming=after: all of the copy, before the stream.
  absl::Status CopyFirst(Member& member, const std::stop_token& stop);
  // An interrupted copy's begin that is not in the oplog any more is none.
  absl::Status GiveUpLostStart(Member& member);
  absl::Status Stream(Member& member, const std::stop_token& stop);
  // The end of a run: a copy that is not complete goes on in the next.
  void StopCopying();
  // What the last reply and what was sent of it tell the metrics.
  void NoteReply(bool idle);
  void NoteSent();
  void SetPhase(metrics::Phase phase);
  absl::Status HandleEntry(bson::View entry, tailer::EntryDecoder& decoder, Member& member,
                           const std::stop_token& stop);
  // Before an event of a shard is published: waits while it could overtake another shard's.
  absl::Status KeepOrder(const event::ChangeEvent& event, Member& member,
                         const std::stop_token& stop);
  // What the offset of a shard's entry tells of its order with others'.
  void NoteOrder(offsets::StoredOffset* offset) const;
  // The position is not in the oplog any more: copy again or give up, as snapshot.mode says.
  absl::Status HandleLostPosition(const absl::Status& status);

  const Parts parts_;
  const Options options_;
  const std::string replica_set_;
  PipelineStart start_;
  const std::unique_ptr<CrossShardOrder> order_;
  std::atomic<bool> finishing_ = false;
  metrics::ReplicaSetMetrics all_metrics_;
  metrics::PipelineMetrics& metrics_ = all_metrics_.pipeline;
  metrics::TailerMetrics& tailer_metrics_ = all_metrics_.tailer;
  tailer::WindowAlarm window_alarm_;  // of the thread that reads ahead; one at a time
  std::unique_ptr<Delivery> delivery_;

  // Of a copy inside the stream.
  std::mutex record_mutex_;    // taken first: records of one collection are written one by one
  std::mutex snapshot_mutex_;  // guards the pointer, for the committer's thread
  std::unique_ptr<StreamSnapshot> snapshot_;
  std::unique_ptr<SnapshotReporter> reporter_;  // of the stream's thread, while it copies
  StreamSnapshot::Progress recorded_;           // guarded as well: what is stored of the copy
  // Guarded as well: of what is to be stored of all copies, what is not yet.
  offsets::OffsetStore::Progress unsaved_;
  // Guarded as well: copies of single collections that are not complete (StreamSnapshot::CopyOne).
  StreamSnapshot::Progress single_;
  bool progress_stored_ = false;  // guarded as well: there may be records of recorded_
  bool copying_ = false;
  // Collections to copy again when no copy of them is under way; stored as well.
  std::map<snapshot::CollectionUuid, std::string> arrived_;
  bool copied_always_ = false;  // snapshot.mode=always: in this process, once

  bool kept_loaded_ = false;                      // see LoadKept()
  std::mutex inbox_mutex_;                        // guards the next
  std::map<std::string, signals::Signal> inbox_;  // signals to do, by their keys
  bool paused_ = false;                           // of the stream's thread: no reads for copies

  // The last offset handed to the sink; none: to be read from the store.
  std::optional<offsets::StoredOffset> progress_;
  bool copy_needed_ = false;  // progress_, if any, is then where the first attempt began
  int copies_in_a_row_ = 0;   // without an entry streamed between them
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_REPLICA_SET_PIPELINE_H_
