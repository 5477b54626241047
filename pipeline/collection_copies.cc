#include "pipeline/collection_copies.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "filter/filter_record.h"

namespace shardtail::pipeline {
namespace {

// For what is in flight when a copy begins.
constexpr absl::Duration kFlushTimeout = absl::Seconds(30);

// A copy that takes longer than the oplog reaches back would be begun again for ever.
constexpr int kMaxCopiesInARow = 3;

// The store is asked so often whether other processes' shards are still being copied.
constexpr absl::Duration kAskAgainAfter = absl::Seconds(1);

}  // namespace

CollectionCopies::CollectionCopies(Parts parts, const Options& options, std::string replica_set)
    : parts_(parts),
      options_(options),
      replica_set_(std::move(replica_set)),
      records_(parts.store, replica_set_) {}

void CollectionCopies::SetDelivery(Delivery* delivery) {
  delivery_ = delivery;
  if (delivery != nullptr) return;
  const std::lock_guard lock(snapshot_mutex_);
  snapshot_.reset();  // its tickets were the last delivery's
}

absl::Status CollectionCopies::Load(const CopyRecords::Stored& stored, Member& member) {
  paused_ = CopyRecords::FindPaused(stored);
  arrived_ = CopyRecords::FindArrived(stored);
  moving_ = CopyRecords::FindMoving(stored);
  SHARDTAIL_RETURN_IF_ERROR(records_.LoadSingle(stored));
  if (!CopiesWhatComesLater()) return absl::OkStatus();
  return CompareFilters(CopyRecords::FindFilters(stored), member);
}

absl::Status CollectionCopies::CompareFilters(const std::optional<std::string>& known,
                                              Member& member) {
  const std::string now = filter::EncodeFilterRecord(parts_.namespace_filter.options());
  if (known == now) return absl::OkStatus();
  // What is not complete takes all that is included now; without a record (Debezium's offset), it
  // is not known what was captured.
  if (known.has_value() && parts_.progress.has_value() && !needed_) {
    absl::StatusOr<filter::Options> before = filter::DecodeFilterRecord(*known);
    if (!before.ok()) {
      return absl::FailedPreconditionError(fmt::format(
          "the stored record of what was captured cannot be read: {}; to copy all again, delete "
          "the offset with `shardtail offsets delete {}`",
          std::string(before.status().message()), replica_set_));
    }
    const filter::NamespaceFilter captured(*std::move(before));
    SHARDTAIL_ASSIGN_OR_RETURN(
        const std::vector<SnapshotSource::Collection> found,
        Find(member, [&](const event::Namespace& ns) -> absl::StatusOr<bool> {
          SHARDTAIL_ASSIGN_OR_RETURN(const bool was_captured, captured.Accepts(ns));
          if (was_captured) return false;
          return Copies(ns);
        }));
    CopyRecords::Progress to_copy;
    for (const SnapshotSource::Collection& collection : found) {
      base::LogInfo("{} is included by a changed filter", collection.ns);
      to_copy[collection.uuid] = {.ns = collection.ns,
                                  .copied = {},
                                  .kind = snapshot::CopyKind::kLate,
                                  .query = {},
                                  .signal = {}};
    }
    // First: else the next run would not copy them.
    SHARDTAIL_RETURN_IF_ERROR(records_.AddSingle(to_copy));
  }
  return records_.SetFilters(now);
}

void CollectionCopies::Need() {
  if (copying_ && parts_.progress.has_value() && parts_.progress->initsync) {
    parts_.notifier.AbortInitial("its position is not in the oplog any more");
  }
  needed_ = true;
  copying_ = false;
}

absl::Status CollectionCopies::Prepare(Member& member, const std::stop_token& stop) {
  if (!parts_.clock.Sleep(options_.snapshot_delay, stop)) {
    return absl::CancelledError("stopped before the snapshot");
  }
  {
    // What an earlier copy has in the sink still is not to be recorded for this one.
    const std::lock_guard record_lock(record_mutex_);
    const std::lock_guard lock(snapshot_mutex_);
    snapshot_.reset();
    records_.Clear();
  }
  const std::optional<offsets::StoredOffset>& progress = parts_.progress;
  // All of the stream since the copy's begin must follow it then.
  if (after() && progress.has_value()) SHARDTAIL_RETURN_IF_ERROR(GiveUpLostStart(member));
  bool goes_on = false;
  if (progress.has_value() && progress->initsync && progress->copy != 0) {
    SHARDTAIL_ASSIGN_OR_RETURN(goes_on, records_.GoOn(progress->copy, stop));
    parts_.notifier.GoOnInitial(progress->copy);
  }
  if (!goes_on) SHARDTAIL_RETURN_IF_ERROR(BeginNew(member, stop));
  if (parts_.order != nullptr) parts_.order->seat().BeginCopy();
  needed_ = false;
  copying_ = true;
  has_copied_ = true;
  return absl::OkStatus();
}

absl::Status CollectionCopies::GiveUpLostStart(Member& member) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto source, member.Tail(parts_.progress->position));
  absl::Status held = source->Next().status();
  if (!tailer::IsLostPosition(held)) return held;
  base::LogWarn("the interrupted copy's position is gone: {}", std::string(held.message()));
  parts_.progress.reset();
  return absl::OkStatus();
}

absl::Status CollectionCopies::BeginNew(Member& member, const std::stop_token& stop) {
  if (++copies_in_a_row_ > kMaxCopiesInARow) {
    return absl::FailedPreconditionError(
        fmt::format("{} copies in a row lost their position: the oplog of {} is too short, give "
                    "it more room (replSetResizeOplog), or capture fewer collections",
                    kMaxCopiesInARow, replica_set_));
  }
  std::optional<offsets::StoredOffset>& progress = parts_.progress;
  const int64_t copy = std::max<int64_t>(parts_.clock.NowMillis(), 1);
  if (!progress.has_value()) {
    SHARDTAIL_ASSIGN_OR_RETURN(progress, member.Latest());
  }
  SHARDTAIL_RETURN_IF_ERROR(records_.Begin(copy, stop));
  progress->initsync = true;
  progress->copy = copy;
  // Stored before the first event goes out: should this copy be cut off, the next run must know
  // from where on deletes were seen.
  delivery_->publisher->Pass(*progress);
  SHARDTAIL_RETURN_IF_ERROR(delivery_->sink->Flush(kFlushTimeout));
  parts_.notifier.BeginInitial(copy);
  return parts_.committer.CommitNow(replica_set_);
}

StreamSnapshot::Hooks CollectionCopies::MakeHooks(Member& member, bool before_stream,
                                                  const std::stop_token& stop) {
  StreamSnapshot::Hooks hooks{
      .publish = [this, &stop](const event::ChangeEvent& event) -> absl::Status {
        SHARDTAIL_RETURN_IF_ERROR(delivery_->tracker.failure());
        parts_.metrics.pipeline.snapshot_documents.Add();
        parts_.metrics.snapshot.Copied(event.ns.full);
        return delivery_->publisher->Publish(event, *parts_.progress, stop);
      },
      .before_range = nullptr,
      .last_ticket = [this] { return delivery_->tracker.last_ticket(); },
      .captures = [this](const event::Namespace& ns) -> absl::StatusOr<bool> {
        SHARDTAIL_ASSIGN_OR_RETURN(const bool copies, Copies(ns));
        if (copies) parts_.metrics.snapshot.Expect(ns.full);
        return copies;
      },
      .begun = [this](const snapshot::CollectionUuid& uuid,
                      const std::string& ns) { parts_.notifier.Begin(uuid, ns); },
      .ready = ready_};
  if (parts_.order != nullptr && !before_stream) {
    hooks.before_range = [this, &member, &stop](std::string_view ns, bson::Timestamp time) {
      return parts_.order->BeforeRange(ns, time, member, stop);
    };
  }
  return hooks;
}

absl::Status CollectionCopies::Begin(Member& member, bool before_stream,
                                     const std::stop_token& stop) {
  const offsets::StoredOffset& progress = *parts_.progress;
  auto made = std::make_unique<StreamSnapshot>(
      [&member] { return member.OpenSnapshotSource(); }, MakeHooks(member, before_stream, stop),
      options_,
      tailer::OplogPoint{
          .position = progress.position, .session = progress.session, .h = progress.h},
      progress.inside.value_or(progress.position).ts, before_stream, parts_.clock);
  {
    const std::lock_guard lock(snapshot_mutex_);
    snapshot_ = std::move(made);
  }
  copying_ = true;
  metrics::SnapshotMetrics& metrics = parts_.metrics.snapshot;
  metrics.Begin(parts_.clock.NowMillis());
  reporter_ = std::make_unique<SnapshotReporter>(replica_set_, parts_.clock);
  snapshot_->SetPaused(paused_);
  const CopyRecords::Progress recorded = records_.initial();
  if (progress.initsync) {
    SHARDTAIL_ASSIGN_OR_RETURN(const int64_t collections, snapshot_->CopyAll(recorded));
    base::LogInfo("snapshot of {} collections from {}, {} {}", collections, member.name(),
                  before_stream ? "and then the stream after" : "while the stream goes on after",
                  event::ToString(progress.position));
  }
  for (const auto& [uuid, copied] : recorded) {
    if (copied.complete()) metrics.Finished(copied.ns);
  }
  // Of what streams already, nothing may go out before the stream has come to it.
  return before_stream ? absl::OkStatus() : BeginSingle(member);
}

absl::Status CollectionCopies::BeginSingle(Member& member) {
  CopyRecords::Progress single = records_.single();
  SHARDTAIL_RETURN_IF_ERROR(FindNames(member, &single));
  for (const auto& [uuid, progress] : single) {
    if (!progress.ns.empty() && snapshot_->CopyOne(uuid, progress)) {
      parts_.metrics.snapshot.Expect(progress.ns);
      parts_.notifier.AddSingle(uuid, progress, /*again=*/true);
      base::LogInfo("copying {} while the stream goes on", progress.ns);
    } else {
      parts_.notifier.GiveUp(uuid, "not there any more, or not captured");
      SHARDTAIL_RETURN_IF_ERROR(records_.RemoveSingle(uuid));
    }
  }
  return absl::OkStatus();
}

absl::Status CollectionCopies::FindNames(Member& member, CopyRecords::Progress* single) {
  if (single->empty()) return absl::OkStatus();
  SHARDTAIL_ASSIGN_OR_RETURN(const std::vector<SnapshotSource::Collection> found,
                             Find(member, [this](const event::Namespace& ns) {
                               return delivery_->publisher->Captures(ns);
                             }));
  CopyRecords::Collections names;
  for (const SnapshotSource::Collection& collection : found) names[collection.uuid] = collection.ns;
  for (auto& [uuid, progress] : *single) {
    const auto name = names.find(uuid);
    if (name == names.end()) {
      base::LogInfo("{} is not there any more, or not captured: its copy ends", progress.ns);
    }
    progress.ns = name == names.end() ? std::string() : name->second;
  }
  return absl::OkStatus();
}

void CollectionCopies::EndRun() {
  if (snapshot_ != nullptr) snapshot_->StopWorkers();
  reporter_.reset();
  if (!copying_) return;
  parts_.metrics.snapshot.End(metrics::SnapshotState::kAborted, parts_.clock.NowMillis());
}

absl::Status CollectionCopies::BeginEntry(bson::View entry, Member& member,
                                          const std::stop_token& stop) {
  if (parts_.order != nullptr) SHARDTAIL_RETURN_IF_ERROR(NoteArrived(member, stop));
  return copying_ ? snapshot_->BeginEntry(entry) : absl::OkStatus();
}

absl::StatusOr<bool> CollectionCopies::Admit(const event::ChangeEvent& event,
                                             const std::stop_token& stop) {
  if (!copying_) return true;
  return snapshot_->Admit(event, stop);
}

void CollectionCopies::PassOver(const event::ChangeEvent& event) {
  if (copying_) snapshot_->PassOver(event);
}

absl::Status CollectionCopies::EndEntry(bson::Timestamp ts, const std::stop_token& stop) {
  if (copying_) SHARDTAIL_RETURN_IF_ERROR(snapshot_->EndEntry(ts, stop));
  if (parts_.order != nullptr) {
    parts_.order->EndEntry(copying_ ? snapshot_->OldestRead() : std::nullopt);
  }
  return absl::OkStatus();
}

absl::Status CollectionCopies::BeforeWait(const event::Namespace& ns, const std::stop_token& stop) {
  // Whoever waits must not hold back what others wait for.
  if (!copying_ || !parts_.order->IsSuspect(ns.full)) return absl::OkStatus();
  return snapshot_->HandOverBefore(parts_.order->at(), stop);
}

absl::Status CollectionCopies::Advance(Member& member, const std::stop_token& stop) {
  SHARDTAIL_RETURN_IF_ERROR(snapshot_->HandOverReady(stop));
  if (parts_.order != nullptr && !snapshot_->before_stream()) {
    parts_.order->EndEntry(snapshot_->OldestRead());
  }
  if (snapshot_->active() && snapshot_->all_handed_over() && delivery_->tracker.pending() == 0) {
    SHARDTAIL_RETURN_IF_ERROR(parts_.committer.CommitNow(replica_set_));
  }
  if (parts_.progress->initsync && !snapshot_->initial_active()) {
    SHARDTAIL_RETURN_IF_ERROR(EndInitial(member));
  }
  if (reporter_->Due()) reporter_->Report(snapshot_->Counts());
  if (!snapshot_->active()) {
    copying_ = false;
    parts_.metrics.snapshot.End(metrics::SnapshotState::kCompleted, parts_.clock.NowMillis());
    reporter_.reset();
    snapshot_->StopWorkers();
  }
  return absl::OkStatus();
}

absl::Status CollectionCopies::EndInitial(Member& member) {
  if (!after()) copies_in_a_row_ = 0;  // else the stream has yet to be reached
  base::LogInfo("snapshot complete: {} documents since the start of this run",
                snapshot_->documents());
  if (snapshot_->documents() > 0 && !snapshot_->marked_last()) {
    base::LogWarn(
        "no event carries source.snapshot=last: what was left to copy at the end held no "
        "documents");
  }
  if (parts_.order != nullptr) {
    SHARDTAIL_ASSIGN_OR_RETURN(const mongo::ClusterTime now, member.ClusterTimeNow());
    parts_.order->seat().EndCopy(now.time);
  }
  parts_.progress->initsync = false;
  parts_.progress->copy = 0;
  delivery_->publisher->Pass(*parts_.progress);
  SHARDTAIL_RETURN_IF_ERROR(parts_.committer.CommitNow(replica_set_));
  parts_.notifier.EndInitial();
  return absl::OkStatus();
}

void CollectionCopies::NoteStreamed() {
  if (!copying_) copies_in_a_row_ = 0;
}

bool CollectionCopies::CopiesWhatComesLater() const {
  return options_.snapshot_mode != SnapshotMode::kNever && !after();
}

absl::Status CollectionCopies::CopyLate(const snapshot::CollectionUuid& uuid,
                                        const event::Namespace& ns, Member& member,
                                        const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const bool copies, Copies(ns));
  if (!copies || (copying_ && snapshot_->Knows(uuid))) return absl::OkStatus();
  base::LogInfo("{} has come under a name that is captured", ns.full);
  return CopyOne(uuid,
                 {.ns = std::string(ns.full),
                  .copied = {},
                  .kind = snapshot::CopyKind::kLate,
                  .query = {},
                  .signal = {}},
                 member, stop);
}

absl::StatusOr<bool> CollectionCopies::CopyAgain(const SnapshotSource::Collection& collection,
                                                 const bson::Document& query,
                                                 const std::string& signal, Member& member,
                                                 const std::stop_token& stop) {
  std::optional<bson::Document> both = QueryForBoth(collection.uuid, query);
  if (!both.has_value()) return false;
  SHARDTAIL_RETURN_IF_ERROR(CopyOne(collection.uuid,
                                    {.ns = collection.ns,
                                     .copied = {},
                                     .kind = snapshot::CopyKind::kAgain,
                                     .query = *std::move(both),
                                     .signal = signal},
                                    member, stop));
  return true;
}

std::optional<bson::Document> CollectionCopies::QueryForBoth(const snapshot::CollectionUuid& uuid,
                                                             const bson::Document& query) {
  if (!copying_ || !snapshot_->IsCopying(uuid)) return query;
  const std::optional<snapshot::CollectionProgress> under_way = records_.FindSingle(uuid);
  // Complete since, or the snapshot of everything.
  if (!under_way.has_value()) {
    return snapshot_->IsCopying(uuid) ? std::nullopt : std::optional(query);
  }
  const bson::View before = under_way->query;
  if (before.empty() || before.bytes() == query.view().bytes()) return std::nullopt;
  if (query.view().empty()) return query;
  bson::Builder both;
  both.OpenArray("$or").SubDocument("0", before).SubDocument("1", query).Close();
  return both.Build();
}

absl::Status CollectionCopies::CopyOne(const snapshot::CollectionUuid& uuid,
                                       const snapshot::CollectionProgress& progress, Member& member,
                                       const std::stop_token& stop) {
  const std::lock_guard record_lock(record_mutex_);
  SHARDTAIL_RETURN_IF_ERROR(records_.AddSingle({{uuid, progress}}));
  parts_.notifier.AddSingle(uuid, progress, /*again=*/false);
  if (!copying_) return Begin(member, /*before_stream=*/false, stop);
  if (snapshot_->CopyOne(uuid, progress, snapshot::IsStreamed(progress.kind))) {
    parts_.metrics.snapshot.Expect(progress.ns);
    base::LogInfo("copying {} while the stream goes on", progress.ns);
  }
  return absl::OkStatus();
}

absl::Status CollectionCopies::NoteCopiesElsewhere(Member& member, const std::stop_token& stop) {
  ShardOrder::Seat& seat = parts_.order->seat();
  const std::set<std::string> elsewhere = seat.order().Elsewhere();
  if (elsewhere.empty()) return absl::OkStatus();
  SHARDTAIL_ASSIGN_OR_RETURN(const auto stored, parts_.store.LoadAll(stop));
  const bool copying = std::ranges::any_of(elsewhere, [&](const std::string& replica_set) {
    const auto offset = stored.find(replica_set);
    return offset == stored.end() || offset->second.initsync;
  });
  // After the look at the store: a copy that had ended by then reads at no later time.
  SHARDTAIL_ASSIGN_OR_RETURN(const mongo::ClusterTime now, member.ClusterTimeNow());
  seat.NoteCopiesElsewhere(copying, now.time);
  return absl::OkStatus();
}

absl::Status CollectionCopies::NoteArrived(Member& member, const std::stop_token& stop) {
  CrossShardOrder& order = *parts_.order;
  const std::vector<std::string> arrived = order.TakeArrived();
  const std::vector<std::string> moving = order.TakeMoving();
  if (arrived.empty() && moving.empty()) return absl::OkStatus();
  if (options_.snapshot_mode == SnapshotMode::kNever) return absl::OkStatus();
  SHARDTAIL_RETURN_IF_ERROR(NoteCopiesElsewhere(member, stop));
  if (!order.seat().IsCopiedAfter(order.at())) return absl::OkStatus();
  const auto is_in = [](const std::vector<std::string>& names, std::string_view ns) {
    return std::ranges::find(names, ns) != names.end();
  };
  SHARDTAIL_ASSIGN_OR_RETURN(const std::vector<SnapshotSource::Collection> found,
                             Find(member, [&](const event::Namespace& ns) -> absl::StatusOr<bool> {
                               if (!is_in(arrived, ns.full) && !is_in(moving, ns.full)) {
                                 return false;
                               }
                               return Copies(ns);
                             }));
  for (const SnapshotSource::Collection& collection : found) {
    if (is_in(arrived, collection.ns)) {
      base::LogInfo(
          "a range of {} came from another shard during a copy, which may have left it out on "
          "both: the collection is copied again from here",
          collection.ns);
      SHARDTAIL_RETURN_IF_ERROR(records_.AddArrived(collection.uuid, collection.ns));
      arrived_[collection.uuid] = collection.ns;
    }
    if (is_in(moving, collection.ns) && !moving_.contains(collection.uuid)) {
      base::LogInfo(
          "{} comes from other shards during a copy, which may have left some of it out on all: "
          "the collection is copied again from here when no other shard is being copied",
          collection.ns);
      SHARDTAIL_RETURN_IF_ERROR(records_.AddMoving(collection.uuid, collection.ns));
      moving_[collection.uuid] = collection.ns;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CollectionCopies::OthersAreCopied(Member& member,
                                                       const std::stop_token& stop) {
  if (parts_.order == nullptr) return true;
  const ShardOrder::Seat& seat = parts_.order->seat();
  if (!seat.OthersAreCopied() && parts_.clock.Monotonic() - elsewhere_asked_ >= kAskAgainAfter) {
    elsewhere_asked_ = parts_.clock.Monotonic();
    SHARDTAIL_RETURN_IF_ERROR(NoteCopiesElsewhere(member, stop));
  }
  return seat.OthersAreCopied();
}

absl::Status CollectionCopies::CopyArrived(Member& member, const std::stop_token& stop) {
  if (arrived_.empty() && moving_.empty()) return absl::OkStatus();
  CopyRecords::Progress ready;
  const auto add = [&](const CopyRecords::Collections& collections) {
    for (const auto& [uuid, ns] : collections) {
      if (copying_ && snapshot_->IsCopying(uuid)) continue;
      ready[uuid] = {
          .ns = ns, .copied = {}, .kind = snapshot::CopyKind::kMoved, .query = {}, .signal = {}};
    }
  };
  add(arrived_);
  bool with_moving = false;
  if (!moving_.empty()) {
    SHARDTAIL_ASSIGN_OR_RETURN(with_moving, OthersAreCopied(member, stop));
  }
  if (with_moving) add(moving_);
  // What is gone by now would be tried for ever: no drop follows.
  SHARDTAIL_RETURN_IF_ERROR(FindNames(member, &ready));
  for (const auto& [uuid, progress] : ready) {
    if (!progress.ns.empty()) SHARDTAIL_RETURN_IF_ERROR(CopyOne(uuid, progress, member, stop));
    if (arrived_.erase(uuid) > 0) SHARDTAIL_RETURN_IF_ERROR(records_.RemoveArrived(uuid));
    if (with_moving && moving_.erase(uuid) > 0) {
      SHARDTAIL_RETURN_IF_ERROR(records_.RemoveMoving(uuid));
    }
  }
  return absl::OkStatus();
}

int64_t CollectionCopies::Stop(std::span<const base::Regex> collections) {
  return copying_ ? snapshot_->Stop(collections) : 0;
}

absl::Status CollectionCopies::SetPaused(bool paused) {
  SHARDTAIL_RETURN_IF_ERROR(records_.SetPaused(paused));
  paused_ = paused;
  if (copying_) {
    snapshot_->SetPaused(paused);
    parts_.notifier.Pause(paused, parts_.progress->initsync);
  }
  base::LogInfo("copies are {}", paused ? "paused, until a signal resume-snapshot" : "resumed");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SnapshotSource::Collection>> CollectionCopies::Find(
    Member& member, absl::FunctionRef<absl::StatusOr<bool>(const event::Namespace&)> accepts) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto source, member.OpenSnapshotSource());
  return source->List(accepts);
}

absl::StatusOr<bool> CollectionCopies::Copies(const event::Namespace& ns) {
  if (!options_.snapshot_include.empty() &&
      !base::AnyFullMatch(options_.snapshot_include, ns.full)) {
    return false;
  }
  return delivery_->publisher->Captures(ns);
}

absl::Status CollectionCopies::Record(const offsets::StoredOffset& stored, uint64_t settled) {
  const std::lock_guard record_lock(record_mutex_);
  {
    const std::lock_guard lock(snapshot_mutex_);
    if (snapshot_ != nullptr) NoteSettled(settled);
  }
  return records_.Save(!stored.initsync);
}

void CollectionCopies::NoteSettled(uint64_t settled) {
  std::vector<snapshot::CollectionUuid> ended;
  for (const StreamSnapshot::Forgotten& forgotten : snapshot_->TakeForgotten()) {
    parts_.notifier.GiveUp(forgotten.uuid, forgotten.reason);
    ended.push_back(forgotten.uuid);
  }
  for (auto& [uuid, progress] : snapshot_->Settle(settled)) {
    if (progress.complete()) {
      parts_.metrics.snapshot.Finished(progress.ns);
      parts_.notifier.Finish(uuid, progress.ns, snapshot_->DocumentsOf(uuid));
    }
    if (progress.complete() && progress.kind != snapshot::CopyKind::kInitial) {
      base::LogInfo("{} is copied", progress.ns);
      ended.push_back(uuid);
    } else {
      records_.Note(uuid, std::move(progress));
    }
  }
  for (const snapshot::CollectionUuid& uuid : ended) records_.NoteSingleEnded(uuid);
}

}  // namespace shardtail::pipeline
