#ifndef SHARDTAIL_PIPELINE_REPLICA_SET_PIPELINE_H_
#define SHARDTAIL_PIPELINE_REPLICA_SET_PIPELINE_H_

#include <atomic>
#include <functional>
#include <memory>
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
#include "pipeline/collection_copies.h"
#include "pipeline/copy_notifier.h"
#include "pipeline/copy_signals.h"
#include "pipeline/cross_shard_order.h"
#include "pipeline/delivery.h"
#include "pipeline/member.h"
#include "pipeline/offset_committer.h"
#include "pipeline/options.h"
#include "pipeline/publisher.h"
#include "pipeline/signal_post.h"
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

// Captures one replica set: finds the stored offset, has copied what is there where there is none
// (CollectionCopies), and streams the oplog for as long as nobody asks to stop.
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
  absl::Status OpenDelivery();
  absl::Status CloseDelivery();
  // Where to go on from; decides whether a copy is needed.
  absl::Status FindStart(Member& member, const std::stop_token& stop);
  absl::Status FindFirstStart(Member& member);
  absl::Status StartEarlier(Member& member, bson::Timestamp ts);
  // Once in the process: what is kept beside the offset.
  absl::Status LoadKept(Member& member, const std::stop_token& stop);
  // With snapshot.streaming=after: all of the copy, before the stream.
  absl::Status CopyFirst(Member& member, const std::stop_token& stop);
  absl::Status Stream(Member& member, const std::stop_token& stop);
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

  // The last offset handed to the sink; none: to be read from the store.
  std::optional<offsets::StoredOffset> progress_;
  CopyNotifier notifier_;
  CollectionCopies copies_;
  CopySignals signals_;
  bool kept_loaded_ = false;  // see LoadKept()
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_REPLICA_SET_PIPELINE_H_
