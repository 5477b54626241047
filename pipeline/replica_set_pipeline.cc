#include "pipeline/replica_set_pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "pipeline/wakeup.h"
#include "tailer/entry_decoder.h"
#include "tailer/read_ahead.h"

namespace shardtail::pipeline {
namespace {

// How often a member is asked whether it is still the one to read from.
constexpr absl::Duration kRoleCheckInterval = absl::Seconds(5);

// How often a member is asked how far back its oplog reaches.
constexpr absl::Duration kWindowInterval = absl::Seconds(30);

// How often a copy is looked after where nothing was read, of it or of the oplog.
constexpr absl::Duration kCopyPause = absl::Milliseconds(5);

// After so many entries of one reply, a sample of the time to their acknowledgement.
constexpr int kEntriesPerSample = 256;

}  // namespace

ReplicaSetPipeline::ReplicaSetPipeline(Parts parts, Options options, std::string replica_set,
                                       PipelineStart start, std::unique_ptr<CrossShardOrder> order)
    : parts_(std::move(parts)),
      options_(std::move(options)),
      replica_set_(std::move(replica_set)),
      start_(start),
      order_(std::move(order)),
      window_alarm_(replica_set_, tailer_metrics_),
      notifier_(options_, parts_.metadata, parts_.clock, replica_set_),
      copies_({.store = parts_.store,
               .committer = parts_.committer,
               .namespace_filter = parts_.namespace_filter,
               .clock = parts_.clock,
               .metrics = all_metrics_,
               .notifier = notifier_,
               .order = order_.get(),
               .progress = progress_},
              options_, replica_set_),
      signals_(parts_.signals, copies_, notifier_, metrics_, replica_set_) {
  if (order_ != nullptr && !start_.copied) order_->seat().BeginCopy();
}

ReplicaSetPipeline::~ReplicaSetPipeline() {
  if (delivery_ != nullptr) CloseDelivery().IgnoreError();
}

absl::Status ReplicaSetPipeline::Run(const std::stop_token& stop) {
  const base::ScopedLogContext context(replica_set_);
  SetPhase(metrics::Phase::kConnecting);
  const absl::Cleanup disconnected = [this] { SetPhase(metrics::Phase::kConnecting); };
  if (delivery_ != nullptr && !delivery_->tracker.failure().ok()) {
    // Everything after the failed record must be sent again, from the stored offset.
    SHARDTAIL_RETURN_IF_ERROR(CloseDelivery());
    progress_.reset();
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const std::unique_ptr<Member> member, parts_.members.Find(stop));
  metrics_.member.Set(member->name());
  if (delivery_ == nullptr) SHARDTAIL_RETURN_IF_ERROR(OpenDelivery());
  if (!progress_.has_value()) SHARDTAIL_RETURN_IF_ERROR(FindStart(*member, stop));
  SHARDTAIL_RETURN_IF_ERROR(LoadKept(*member, stop));
  if (order_ != nullptr && !copies_.needed() && !copies_.under_way()) order_->seat().EndCopy({});
  while (true) {
    if (copies_.needed()) SHARDTAIL_RETURN_IF_ERROR(copies_.Prepare(*member, stop));
    if (copies_.comes_first()) SHARDTAIL_RETURN_IF_ERROR(CopyFirst(*member, stop));
    if (options_.snapshot_mode == SnapshotMode::kInitialOnly && !copies_.under_way()) {
      base::LogInfo("nothing more to do, as snapshot.mode=initial_only says");
      return absl::OkStatus();
    }
    absl::Status ended = Stream(*member, stop);
    if (ended.ok() || !tailer::IsLostPosition(ended)) return ended;
    SHARDTAIL_RETURN_IF_ERROR(HandleLostPosition(ended));
  }
}

absl::Status ReplicaSetPipeline::Drain(absl::Duration timeout) {
  if (delivery_ == nullptr) return absl::OkStatus();
  // Flush first: the last save must see the acknowledgements that the flush brings in, or the next
  // start sends those events again.
  absl::Status status = delivery_->sink->Flush(timeout);
  status.Update(CloseDelivery());
  return status;
}

absl::Status ReplicaSetPipeline::OpenDelivery() {
  auto delivery = std::make_unique<Delivery>(metrics_, parts_.clock, options_.failure_mode);
  SHARDTAIL_ASSIGN_OR_RETURN(delivery->sink, parts_.make_sink(*delivery));
  delivery->publisher =
      std::make_unique<Publisher>(Publisher::Parts{.namespace_filter = parts_.namespace_filter,
                                                   .field_filter = parts_.field_filter,
                                                   .encoder = parts_.encoder,
                                                   .metadata = parts_.metadata,
                                                   .sink = *delivery->sink,
                                                   .tracker = delivery->tracker,
                                                   .large = delivery->large,
                                                   .clock = parts_.clock,
                                                   .metrics = metrics_},
                                  options_, replica_set_);
  delivery_ = std::move(delivery);
  copies_.SetDelivery(delivery_.get());
  parts_.committer.Add(replica_set_, delivery_->tracker,
                       [this](const offsets::StoredOffset& stored, uint64_t settled) {
                         return copies_.Record(stored, settled);
                       });
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::CloseDelivery() {
  absl::Status stored = parts_.committer.Remove(replica_set_);
  stored.Update(delivery_->ReportLeftOut());
  // The sink goes before the tracker that it reports to.
  delivery_->sink.reset();
  delivery_.reset();
  copies_.SetDelivery(nullptr);
  metrics_.unacknowledged_records.Set(0);
  metrics_.unacknowledged_bytes.Set(0);
  return stored;
}

absl::Status ReplicaSetPipeline::FindStart(Member& member, const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto stored, parts_.store.LoadAll(stop));
  const auto own = stored.find(replica_set_);
  if (own == stored.end()) return FindFirstStart(member);
  if (own->second.initsync && options_.snapshot_mode != SnapshotMode::kNever) {
    base::LogInfo("the snapshot is not complete: it goes on, and the stream after {}",
                  event::ToString(own->second.position));
    copies_.Need();
  } else if (options_.snapshot_mode == SnapshotMode::kAlways && !copies_.has_copied()) {
    base::LogInfo("copying, as snapshot.mode=always says, and streaming after {}",
                  event::ToString(own->second.position));
    copies_.Need();
  } else {
    base::LogInfo("continuing after the stored offset {}", event::ToString(own->second.position));
  }
  progress_ = own->second;
  if (!copies_.needed()) notifier_.SkipInitial();
  if (!copies_.needed()) {
    progress_->initsync = false;
    progress_->copy = 0;
  }
  if (start_.no_later_than.has_value() && !copies_.needed()) {
    SHARDTAIL_RETURN_IF_ERROR(StartEarlier(member, *start_.no_later_than));
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::StartEarlier(Member& member, bson::Timestamp ts) {
  auto earlier = member.LastUntil(ts);
  if (absl::IsNotFound(earlier.status())) {
    base::LogWarn(
        "the oplog does not reach back to ({}, {}), where another shard goes on: documents that "
        "moved from it since may end in the topics as they were there",
        ts.seconds, ts.increment);
    return absl::OkStatus();
  }
  SHARDTAIL_RETURN_IF_ERROR(earlier.status());
  progress_ = *std::move(earlier);
  base::LogInfo("starting after {} instead, for another shard repeats events from there on",
                event::ToString(progress_->position));
  start_.no_later_than.reset();
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::FindFirstStart(Member& member) {
  if (start_.beginning == Beginning::kLater) {
    SHARDTAIL_ASSIGN_OR_RETURN(const Member::Beginning oplog, member.FindBeginning());
    if (oplog.whole || options_.snapshot_mode == SnapshotMode::kNever) {
      progress_ = oplog.first;
      delivery_->publisher->Pass(*progress_);
      base::LogInfo("a new replica set: streaming from {} of its oplog, {}",
                    oplog.whole ? "the beginning" : "the oldest entry",
                    event::ToString(progress_->position));
      return absl::OkStatus();
    }
  }
  if (options_.snapshot_mode == SnapshotMode::kNever) {
    SHARDTAIL_ASSIGN_OR_RETURN(progress_, member.Latest());
    delivery_->publisher->Pass(*progress_);
    notifier_.SkipInitial();
    base::LogInfo("no stored offset, and snapshot.mode=never: streaming from now, {}",
                  event::ToString(progress_->position));
  } else {
    base::LogInfo("no stored offset: copying what is there first");
    copies_.Need();
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::LoadKept(Member& member, const std::stop_token& stop) {
  if (kept_loaded_) return absl::OkStatus();
  SHARDTAIL_ASSIGN_OR_RETURN(const auto stored, parts_.store.LoadProgress(replica_set_, stop));
  SHARDTAIL_RETURN_IF_ERROR(signals_.Load(stored));
  SHARDTAIL_RETURN_IF_ERROR(copies_.Load(stored, member));
  kept_loaded_ = true;
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::CopyFirst(Member& member, const std::stop_token& stop) {
  const base::ScopedLogContext context("snapshot");
  SetPhase(metrics::Phase::kCopying);
  Wakeup ready;  // outlives the workers, which the next line ends
  const absl::Cleanup stop_copying = [this] { copies_.EndRun(); };
  copies_.TellWhenReady([&ready] { ready.Wake(); });
  SHARDTAIL_RETURN_IF_ERROR(copies_.Begin(member, /*before_stream=*/true, stop));
  bool woken = false;
  while (copies_.under_way()) {
    SHARDTAIL_RETURN_IF_ERROR(
        signals_.Take(member, *delivery_->publisher, /*before_stream=*/true, stop));
    SHARDTAIL_RETURN_IF_ERROR(copies_.Advance(member, stop));
    SHARDTAIL_RETURN_IF_ERROR(notifier_.Send(*delivery_->publisher, stop));
    const bool follows = woken && copies_.has_more();
    if (!follows) SHARDTAIL_RETURN_IF_ERROR(delivery_->sink->EndBatch());
    SHARDTAIL_RETURN_IF_ERROR(delivery_->tracker.failure());
    SHARDTAIL_RETURN_IF_ERROR(delivery_->ReportLeftOut());
    woken = ready.Wait(kCopyPause, stop);
    if (stop.stop_requested()) return absl::CancelledError("stopped during the snapshot");
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::Stream(Member& member, const std::stop_token& stop) {
  const base::ScopedLogContext context("streaming");
  SHARDTAIL_ASSIGN_OR_RETURN(std::unique_ptr<tailer::OplogSource> tail,
                             member.Tail(progress_->position));
  const auto note_position = [this] {
    tailer_metrics_.position_seconds.Set(int64_t{progress_->position.ts.seconds});
    tailer_metrics_.position_increment.Set(int64_t{progress_->position.ts.increment});
  };
  note_position();
  tailer::ReadAhead source(
      std::move(tail), kWindowInterval,
      [this](const tailer::OplogWindow& window) { window_alarm_.Update(window); });
  tailer::EntryDecoder::OnArrival on_arrival;
  if (copies_.CopiesWhatComesLater()) {
    on_arrival = [&](const uint8_t* uuid, const event::Namespace& ns) {
      return copies_.CopyLate(snapshot::ToUuid(uuid), ns, member, stop);
    };
  }
  tailer::EntryDecoder decoder(
      member.lookup(), tailer_metrics_,
      [this](const event::Namespace& ns) { return delivery_->publisher->Captures(ns); },
      [this](const absl::Status& broken) { return delivery_->publisher->HandlePoison(broken); },
      std::move(on_arrival));
  if (order_ != nullptr) SHARDTAIL_RETURN_IF_ERROR(order_->Begin(member, *progress_));
  copies_.TellWhenReady([&source] { source.Wake(); });
  const absl::Cleanup stop_copying = [this] { copies_.EndRun(); };
  if (copies_.has_any()) {
    SHARDTAIL_RETURN_IF_ERROR(copies_.Begin(member, /*before_stream=*/false, stop));
  }
  bson::Timestamp end;  // when it is finishing: the last entry to handle
  base::LogInfo("streaming from {} after {}", member.name(), event::ToString(progress_->position));
  Publisher& publisher = *delivery_->publisher;
  publisher.Resume(*progress_);
  absl::Duration role_checked = parts_.clock.Monotonic();
  SetPhase(metrics::Phase::kStreaming);
  while (true) {
    SHARDTAIL_ASSIGN_OR_RETURN(const std::optional<tailer::OplogBatch> batch,
                               source.Next(copies_.under_way() && !copies_.paused()
                                               ? std::min(publisher.TimeToNextBeat(), kCopyPause)
                                               : publisher.TimeToNextBeat(),
                                           stop));
    if (batch.has_value()) {
      NoteReply(batch->entries.empty());
      int since_sample = 0;
      for (const bson::View entry : batch->entries) {
        SHARDTAIL_RETURN_IF_ERROR(HandleEntry(entry, decoder, member, stop));
        if (++since_sample % kEntriesPerSample == 0) NoteSent();
      }
      note_position();
      if (batch->entries.empty()) {
        // Nothing more for now: a retryable write's statements are all there.
        SHARDTAIL_RETURN_IF_ERROR(publisher.EndTransaction(stop));
      } else {
        copies_.NoteStreamed();
      }
    }
    SHARDTAIL_RETURN_IF_ERROR(signals_.Take(member, publisher, /*before_stream=*/false, stop));
    SHARDTAIL_RETURN_IF_ERROR(copies_.CopyArrived(member, stop));
    const bool copies = copies_.under_way();
    if (copies) SHARDTAIL_RETURN_IF_ERROR(copies_.Advance(member, stop));
    SHARDTAIL_RETURN_IF_ERROR(notifier_.Send(publisher, stop));
    if (copies && !progress_->initsync && options_.snapshot_mode == SnapshotMode::kInitialOnly) {
      return absl::OkStatus();
    }
    SHARDTAIL_RETURN_IF_ERROR(publisher.BeatWhenDue(stop));
    if (batch.has_value()) NoteSent();
    // Under load there is always a next one, here or on its way, and the sink's batches fill.
    const bool follows =
        batch.has_value() ? source.HasNext() || batch->more : source.woken() && copies_.has_more();
    if (!follows) SHARDTAIL_RETURN_IF_ERROR(delivery_->sink->EndBatch());
    SHARDTAIL_RETURN_IF_ERROR(delivery_->tracker.failure());
    SHARDTAIL_RETURN_IF_ERROR(delivery_->ReportLeftOut());
    if (finishing_ && end == bson::Timestamp()) {
      SHARDTAIL_ASSIGN_OR_RETURN(const offsets::StoredOffset latest, member.Latest());
      end = latest.position.ts;
    }
    if (finishing_ && progress_->position.ts >= end) return absl::OkStatus();
    if (const absl::Duration now = parts_.clock.Monotonic();
        now - role_checked >= kRoleCheckInterval) {
      SHARDTAIL_RETURN_IF_ERROR(member.CheckRole());
      role_checked = now;
    }
  }
}

void ReplicaSetPipeline::NoteReply(bool idle) {
  const int64_t now = parts_.clock.NowMillis();
  tailer_metrics_.batch_millis.Set(now);
  if (idle) tailer_metrics_.idle_millis.Set(now);
}

void ReplicaSetPipeline::NoteSent() {
  const int64_t written = tailer_metrics_.entry_millis.value();
  if (const uint64_t newest = delivery_->tracker.last_ticket();
      newest != delivery_->tracker.settled()) {
    delivery_->latency.Sent(newest, written);
    // Acknowledged since it was looked at.
    if (newest == delivery_->tracker.settled()) {
      delivery_->latency.Settle(newest, parts_.clock.NowMillis());
    }
  }
  delivery_->NotePending();
  if (order_ != nullptr) {
    metrics_.shard_waits.Set(order_->seat().waits());
    metrics_.shard_ties.Set(order_->seat().ties());
  }
}

void ReplicaSetPipeline::SetPhase(metrics::Phase phase) {
  metrics_.phase.Set(static_cast<int64_t>(phase));
  if (phase != metrics::Phase::kConnecting) metrics_.started.Set(1);
}

absl::Status ReplicaSetPipeline::HandleEntry(bson::View entry, tailer::EntryDecoder& decoder,
                                             Member& member, const std::stop_token& stop) {
  const absl::StatusOr<bson::Timestamp> ts = tailer::EntryTimestamp(entry);
  // Without a position there is no safe way past the entry, whatever the failure mode.
  SHARDTAIL_RETURN_IF_ERROR(ts.status());
  Publisher& publisher = *delivery_->publisher;
  if (order_ != nullptr) order_->BeginEntry(entry);
  SHARDTAIL_RETURN_IF_ERROR(copies_.BeginEntry(entry, member, stop));
  const offsets::StoredOffset before = *progress_;
  const event::Position& reached = before.inside.value_or(before.position);
  const int64_t delivered = reached.ts == *ts ? reached.index : 0;
  bool passed = false;       // an event's own offset leads past the entry
  bool transaction = false;  // which the entry commits
  absl::Status decoded =
      decoder.Decode(entry, [&](const event::ChangeEvent& event) -> absl::Status {
        transaction = event.position.index > 0 && event.session.present;
        passed = !event.spans_entries;
        if (event.position.index != 0 && event.position.index <= delivered) {
          copies_.PassOver(event);
          return absl::OkStatus();
        }
        offsets::StoredOffset offset{.position = event.position,
                                     .session = event.session,
                                     .h = event.h,
                                     .initsync = before.initsync,
                                     .copy = before.copy};
        if (event.operation == event::Operation::kCreate &&
            event.ns.full == options_.signal_collection) {
          SHARDTAIL_RETURN_IF_ERROR(signals_.Post(event));
        }
        if (event.spans_entries) {
          offset = before;
          offset.inside = event.position;
        }
        SHARDTAIL_ASSIGN_OR_RETURN(const bool admitted, copies_.Admit(event, stop));
        if (!admitted) {
          metrics_.in_snapshot.Add();
          publisher.Pass(offset);
          progress_ = publisher.last_offset();
          return absl::OkStatus();
        }
        if (order_ != nullptr) {
          SHARDTAIL_RETURN_IF_ERROR(KeepOrder(event, member, stop));
          if (!event.spans_entries) NoteOrder(&offset);
        }
        SHARDTAIL_RETURN_IF_ERROR(publisher.Publish(event, offset, stop));
        progress_ = publisher.last_offset();
        return absl::OkStatus();
      });
  if (decoded.code() == absl::StatusCode::kDataLoss) {
    SHARDTAIL_RETURN_IF_ERROR(publisher.HandlePoison(decoded));
    passed = false;
  } else {
    SHARDTAIL_RETURN_IF_ERROR(decoded);
  }
  if (!passed) {
    offsets::StoredOffset after{
        .position = {*ts, 0}, .initsync = before.initsync, .copy = before.copy};
    if (order_ != nullptr) NoteOrder(&after);
    publisher.Pass(after);
    progress_ = publisher.last_offset();
  }
  if (transaction) {
    SHARDTAIL_RETURN_IF_ERROR(publisher.EndTransaction(stop));
    progress_ = publisher.last_offset();
  }
  return copies_.EndEntry(*ts, stop);
}

void ReplicaSetPipeline::NoteOrder(offsets::StoredOffset* offset) const {
  offset->settled = order_->settled();
  offset->waited = order_->waited();
}

absl::Status ReplicaSetPipeline::KeepOrder(const event::ChangeEvent& event, Member& member,
                                           const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const bool captured, delivery_->publisher->Captures(event.ns));
  if (!captured) return absl::OkStatus();
  SHARDTAIL_RETURN_IF_ERROR(copies_.BeforeWait(event.ns, stop));
  return order_->BeforeEvent(event, member, stop);
}

absl::Status ReplicaSetPipeline::HandleLostPosition(const absl::Status& status) {
  metrics_.positions_lost.Add();
  if (options_.snapshot_mode == SnapshotMode::kNever) {
    return absl::Status(
        status.code(),
        fmt::format(
            "{}; snapshot.mode=never forbids a new copy. What happened between is lost to the "
            "topics: set snapshot.mode=initial, or set the offset with `shardtail offsets set`",
            std::string(status.message())));
  }
  base::LogError("position lost, copying again as snapshot.mode=initial says: {}",
                 std::string(status.message()));
  progress_.reset();
  copies_.Need();
  return absl::OkStatus();
}

}  // namespace shardtail::pipeline
