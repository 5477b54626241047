#include "pipeline/replica_set_pipeline.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/functional/function_ref.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "filter/filter_record.h"
#include "pipeline/delivery_latency.h"
#include "tailer/entry_decoder.h"
#include "tailer/read_ahead.h"

namespace shardtail::pipeline {
namespace {

// How often a member is asked whether it is still the one to read from.
constexpr absl::Duration kRoleCheckInterval = absl::Seconds(5);

// How often a member is asked how far back its oplog reaches.
constexpr absl::Duration kWindowInterval = absl::Seconds(30);

// How often ranges that were read are handed over where the oplog has nothing new.
constexpr absl::Duration kCopyPause = absl::Milliseconds(5);

// The progress record that tells of which copy the others are.
constexpr char kPlanKey[] = "plan";

// Progress records of copies of single collections: this and the UUID.
constexpr std::string_view kSinglePrefix = "single/";

// Of collections that are to be copied again: this and the UUID. The value is the name.
constexpr std::string_view kArrivedPrefix = "arrived/";

std::string KeyOf(std::string_view prefix, const snapshot::CollectionUuid& uuid) {
  return std::string(prefix) + snapshot::ToString(uuid);
}

// The collection of such a key; nullopt for another key.
std::optional<snapshot::CollectionUuid> CollectionOf(std::string_view key,
                                                     std::string_view prefix) {
  return key.starts_with(prefix) ? snapshot::ParseUuid(key.substr(prefix.size())) : std::nullopt;
}

absl::StatusOr<std::vector<SnapshotSource::Collection>> FindCollections(
    Member& member, absl::FunctionRef<absl::StatusOr<bool>(const event::Namespace&)> accepts) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto source, member.OpenSnapshotSource());
  return source->List(accepts);
}

// The record that copies are paused.
constexpr char kPausedKey[] = "paused";

// The record of what is captured.
constexpr char kFiltersKey[] = "filters";

// For what is in flight when a copy begins.
constexpr absl::Duration kFlushTimeout = absl::Seconds(30);

// After so many entries of one reply, a sample of the time to their acknowledgement.
constexpr int kEntriesPerSample = 256;

// A copy that takes longer than the oplog reaches back would be begun again for ever.
constexpr int kMaxCopiesInARow = 3;

absl::StatusOr<snapshot::CollectionProgress> DecodeStored(const std::string& text,
                                                          const std::string& key,
                                                          const std::string& replica_set) {
  absl::StatusOr<snapshot::CollectionProgress> progress = snapshot::DecodeProgress(text);
  if (progress.ok()) return progress;
  return absl::FailedPreconditionError(
      fmt::format("the snapshot's stored progress {} cannot be read: {}; to copy all again, delete "
                  "the offset with `shardtail offsets delete {}`",
                  key, std::string(progress.status().message()), replica_set));
}

bool IsLostPosition(const absl::Status& status) {
  return status.code() == absl::StatusCode::kOutOfRange ||
         status.code() == absl::StatusCode::kAborted;
}

}  // namespace

struct ReplicaSetPipeline::Delivery : public sink::DeliveryListener {
  Delivery(metrics::PipelineMetrics& counted, base::Clock& time)
      : metrics(counted), clock(time), latency(counted.acknowledge_latency) {}

  metrics::PipelineMetrics& metrics;
  base::Clock& clock;
  DeliveryLatency latency;
  offsets::AckTracker tracker;
  std::unique_ptr<sink::Sink> sink;
  std::unique_ptr<Publisher> publisher;

  void OnDelivered(std::span<const sink::Ticket> tickets) override {
    tracker.Acknowledge(tickets);
    metrics.acknowledged_records.Add(static_cast<int64_t>(tickets.size()));
    NotePending();
    if (latency.waiting()) latency.Settle(tracker.settled(), clock.NowMillis());
  }
  void OnFailed(sink::Ticket ticket, const absl::Status& status) override {
    metrics.failed_records.Add();
    tracker.Fail(ticket, status);
  }
  void NotePending() {
    metrics.unacknowledged_records.Set(tracker.pending());
    metrics.unacknowledged_bytes.Set(tracker.pending_bytes());
  }
};

ReplicaSetPipeline::ReplicaSetPipeline(Parts parts, Options options, std::string replica_set,
                                       PipelineStart start, std::unique_ptr<CrossShardOrder> order)
    : parts_(std::move(parts)),
      options_(std::move(options)),
      replica_set_(std::move(replica_set)),
      start_(start),
      order_(std::move(order)),
      window_alarm_(replica_set_, tailer_metrics_) {
  if (order_ != nullptr && !start_.copied) order_->seat().BeginCopy();
  parts_.signals.Join(replica_set_, [this](const std::string& key, const signals::Signal& signal) {
    const std::lock_guard lock(inbox_mutex_);
    inbox_.insert_or_assign(key, signal);
  });
}

ReplicaSetPipeline::~ReplicaSetPipeline() {
  parts_.signals.Leave(replica_set_);
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
  if (order_ != nullptr && !copy_needed_ && !copying_) order_->seat().EndCopy({});
  while (true) {
    if (copy_needed_) SHARDTAIL_RETURN_IF_ERROR(PrepareCopy(*member, stop));
    if (copying_ && after() && progress_->initsync) {
      SHARDTAIL_RETURN_IF_ERROR(CopyFirst(*member, stop));
    }
    if (options_.snapshot_mode == SnapshotMode::kInitialOnly && !copying_) {
      base::LogInfo("nothing more to do, as snapshot.mode=initial_only says");
      return absl::OkStatus();
    }
    absl::Status ended = Stream(*member, stop);
    if (ended.ok() || !IsLostPosition(ended)) return ended;
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
  auto delivery = std::make_unique<Delivery>(metrics_, parts_.clock);
  SHARDTAIL_ASSIGN_OR_RETURN(delivery->sink, parts_.make_sink(*delivery));
  delivery->publisher =
      std::make_unique<Publisher>(Publisher::Parts{.namespace_filter = parts_.namespace_filter,
                                                   .field_filter = parts_.field_filter,
                                                   .encoder = parts_.encoder,
                                                   .metadata = parts_.metadata,
                                                   .sink = *delivery->sink,
                                                   .tracker = delivery->tracker,
                                                   .clock = parts_.clock,
                                                   .metrics = metrics_},
                                  options_, replica_set_);
  delivery_ = std::move(delivery);
  parts_.committer.Add(replica_set_, delivery_->tracker,
                       [this](const offsets::StoredOffset& stored, uint64_t settled) {
                         return RecordProgress(stored, settled);
                       });
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::CloseDelivery() {
  absl::Status stored = parts_.committer.Remove(replica_set_);
  // The sink goes before the tracker that it reports to.
  delivery_->sink.reset();
  delivery_.reset();
  metrics_.unacknowledged_records.Set(0);
  metrics_.unacknowledged_bytes.Set(0);
  const std::lock_guard lock(snapshot_mutex_);
  snapshot_.reset();  // its tickets were this delivery's
  return stored;
}

absl::Status ReplicaSetPipeline::FindStart(Member& member, const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto stored, parts_.store.LoadAll(stop));
  const auto own = stored.find(replica_set_);
  if (own == stored.end()) return FindFirstStart(member);
  if (own->second.initsync && options_.snapshot_mode != SnapshotMode::kNever) {
    base::LogInfo("the snapshot is not complete: it goes on, and the stream after {}",
                  event::ToString(own->second.position));
    copy_needed_ = true;
  } else if (options_.snapshot_mode == SnapshotMode::kAlways && !copied_always_) {
    base::LogInfo("copying, as snapshot.mode=always says, and streaming after {}",
                  event::ToString(own->second.position));
    copy_needed_ = true;
  } else {
    base::LogInfo("continuing after the stored offset {}", event::ToString(own->second.position));
  }
  progress_ = own->second;
  if (!copy_needed_) {
    progress_->initsync = false;
    progress_->copy = 0;
  }
  if (start_.no_later_than.has_value() && !copy_needed_) {
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
    base::LogInfo("no stored offset, and snapshot.mode=never: streaming from now, {}",
                  event::ToString(progress_->position));
  } else {
    base::LogInfo("no stored offset: copying what is there first");
    copy_needed_ = true;
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::PrepareCopy(Member& member, const std::stop_token& stop) {
  if (!parts_.clock.Sleep(options_.snapshot_delay, stop)) {
    return absl::CancelledError("stopped before the snapshot");
  }
  {
    // What an earlier copy has in the sink still is not to be recorded for this one.
    const std::lock_guard record_lock(record_mutex_);
    const std::lock_guard lock(snapshot_mutex_);
    snapshot_.reset();
    recorded_.clear();
    unsaved_.clear();
  }
  // All of the stream since the copy's begin must follow it then.
  if (after() && progress_.has_value()) SHARDTAIL_RETURN_IF_ERROR(GiveUpLostStart(member));
  bool goes_on = false;
  if (progress_.has_value() && progress_->initsync && progress_->copy != 0) {
    SHARDTAIL_ASSIGN_OR_RETURN(goes_on, LoadProgress(stop));
  }
  if (!goes_on) {
    if (++copies_in_a_row_ > kMaxCopiesInARow) {
      return absl::FailedPreconditionError(
          fmt::format("{} copies in a row lost their position: the oplog of {} is too short, give "
                      "it more room (replSetResizeOplog), or capture fewer collections",
                      kMaxCopiesInARow, replica_set_));
    }
    // It copies those of the single ones as well.
    SHARDTAIL_RETURN_IF_ERROR(RemoveProgress(/*single=*/true, stop));
    if (!progress_.has_value()) {
      SHARDTAIL_ASSIGN_OR_RETURN(progress_, member.Latest());
    }
    progress_->initsync = true;
    progress_->copy = std::max<int64_t>(parts_.clock.NowMillis(), 1);
    SHARDTAIL_RETURN_IF_ERROR(
        parts_.store.SaveProgress(replica_set_, {{kPlanKey, std::to_string(progress_->copy)}}));
    progress_stored_ = true;
    // Stored before the first event goes out: should this copy be cut off, the next run must know
    // from where on deletes were seen.
    delivery_->publisher->Pass(*progress_);
    SHARDTAIL_RETURN_IF_ERROR(delivery_->sink->Flush(kFlushTimeout));
    SHARDTAIL_RETURN_IF_ERROR(parts_.committer.CommitNow(replica_set_));
  }
  if (order_ != nullptr) order_->seat().BeginCopy();
  copy_needed_ = false;
  copying_ = true;
  copied_always_ = true;
  return absl::OkStatus();
}

absl::StatusOr<bool> ReplicaSetPipeline::LoadProgress(const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto stored, parts_.store.LoadProgress(replica_set_, stop));
  const auto plan = stored.find(kPlanKey);
  if (plan == stored.end() || plan->second != std::to_string(progress_->copy)) return false;
  for (const auto& [key, text] : stored) {
    const auto uuid = snapshot::ParseUuid(key);
    if (!uuid.has_value()) continue;
    SHARDTAIL_ASSIGN_OR_RETURN(recorded_[*uuid], DecodeStored(text, key, replica_set_));
  }
  progress_stored_ = true;
  return true;
}

absl::Status ReplicaSetPipeline::RemoveProgress(bool single, const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto stored, parts_.store.LoadProgress(replica_set_, stop));
  offsets::OffsetStore::Progress none;
  for (const auto& [key, text] : stored) {
    const bool of_all = key == kPlanKey || snapshot::ParseUuid(key).has_value();
    if (of_all || (single && key.starts_with(kSinglePrefix))) none[key] = std::nullopt;
  }
  if (!none.empty()) SHARDTAIL_RETURN_IF_ERROR(parts_.store.SaveProgress(replica_set_, none));
  if (single) {
    const std::lock_guard lock(snapshot_mutex_);
    single_.clear();
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::LoadKept(Member& member, const std::stop_token& stop) {
  if (kept_loaded_) return absl::OkStatus();
  SHARDTAIL_ASSIGN_OR_RETURN(const auto stored, parts_.store.LoadProgress(replica_set_, stop));
  paused_ = stored.contains(kPausedKey);
  SHARDTAIL_RETURN_IF_ERROR(LoadSignals(stored));
  SHARDTAIL_RETURN_IF_ERROR(LoadSingleCopies(stored));
  SHARDTAIL_RETURN_IF_ERROR(CompareFilters(stored, member));
  kept_loaded_ = true;
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::LoadSignals(const std::map<std::string, std::string>& stored) {
  for (const auto& [key, text] : stored) {
    if (!SignalPost::IsSignal(key)) continue;
    const auto signal = SignalPost::Decode(text);
    if (!signal.ok()) {
      base::LogWarn("the signal that was kept as {} is passed over: {}", key,
                    std::string(signal.status().message()));
      SHARDTAIL_RETURN_IF_ERROR(parts_.signals.Forget(replica_set_, key));
      continue;
    }
    const std::lock_guard lock(inbox_mutex_);
    inbox_.insert_or_assign(key, *signal);
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::LoadSingleCopies(
    const std::map<std::string, std::string>& stored) {
  const std::lock_guard lock(snapshot_mutex_);
  for (const auto& [key, text] : stored) {
    if (const auto uuid = CollectionOf(key, kArrivedPrefix)) arrived_[*uuid] = text;
    if (const auto uuid = CollectionOf(key, kSinglePrefix)) {
      SHARDTAIL_ASSIGN_OR_RETURN(single_[*uuid], DecodeStored(text, key, replica_set_));
    }
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::CompareFilters(const std::map<std::string, std::string>& stored,
                                                Member& member) {
  if (!CopiesWhatComesLater()) return absl::OkStatus();
  const std::string now = filter::EncodeFilterRecord(parts_.namespace_filter.options());
  const auto known = stored.find(kFiltersKey);
  if (known != stored.end() && known->second == now) return absl::OkStatus();
  // What is not complete takes all that is included now; without a record (Debezium's offset), it
  // is not known what was captured.
  const bool compare = known != stored.end() && progress_.has_value() && !copy_needed_;
  if (compare) {
    absl::StatusOr<filter::Options> before = filter::DecodeFilterRecord(known->second);
    if (!before.ok()) {
      return absl::FailedPreconditionError(fmt::format(
          "the stored record of what was captured cannot be read: {}; to copy all again, delete "
          "the offset with `shardtail offsets delete {}`",
          std::string(before.status().message()), replica_set_));
    }
    const filter::NamespaceFilter captured(*std::move(before));
    SHARDTAIL_ASSIGN_OR_RETURN(
        const std::vector<SnapshotSource::Collection> found,
        FindCollections(member, [&](const event::Namespace& ns) -> absl::StatusOr<bool> {
          SHARDTAIL_ASSIGN_OR_RETURN(const bool was_captured, captured.Accepts(ns));
          if (was_captured) return false;
          return Copies(ns);
        }));
    offsets::OffsetStore::Progress to_copy;
    const std::lock_guard lock(snapshot_mutex_);
    for (const SnapshotSource::Collection& collection : found) {
      base::LogInfo("{} is included by a changed filter", collection.ns);
      const snapshot::CollectionProgress progress{
          .ns = collection.ns, .copied = {}, .kind = snapshot::CopyKind::kLate, .query = {}};
      to_copy[KeyOf(kSinglePrefix, collection.uuid)] = snapshot::EncodeProgress(progress);
      single_[collection.uuid] = progress;
    }
    // First: else the next run would not copy them.
    if (!to_copy.empty()) {
      SHARDTAIL_RETURN_IF_ERROR(parts_.store.SaveProgress(replica_set_, to_copy));
    }
  }
  return parts_.store.SaveProgress(replica_set_, {{kFiltersKey, now}});
}

absl::Status ReplicaSetPipeline::BeginCopy(Member& member, bool before_stream,
                                           const std::stop_token& stop) {
  StreamSnapshot::Hooks hooks{
      .publish = [this, &stop](const event::ChangeEvent& event) -> absl::Status {
        SHARDTAIL_RETURN_IF_ERROR(delivery_->tracker.failure());
        metrics_.snapshot_documents.Add();
        all_metrics_.snapshot.Copied(event.ns.full);
        return delivery_->publisher->Publish(event, *progress_, stop);
      },
      .before_range = nullptr,
      .last_ticket = [this] { return delivery_->tracker.last_ticket(); },
      .captures = [this](const event::Namespace& ns) -> absl::StatusOr<bool> {
        SHARDTAIL_ASSIGN_OR_RETURN(const bool copies, Copies(ns));
        if (copies) all_metrics_.snapshot.Expect(ns.full);
        return copies;
      }};
  if (order_ != nullptr && !before_stream) {
    hooks.before_range = [this, &member, &stop](std::string_view ns, bson::Timestamp time) {
      return order_->BeforeRange(ns, time, member, stop);
    };
  }
  auto made = std::make_unique<StreamSnapshot>(
      [&member] { return member.OpenSnapshotSource(); }, std::move(hooks), options_,
      tailer::OplogPoint{
          .position = progress_->position, .session = progress_->session, .h = progress_->h},
      before_stream, parts_.clock);
  StreamSnapshot& snapshot = *made;
  StreamSnapshot::Progress recorded;
  StreamSnapshot::Progress single;
  {
    const std::lock_guard lock(snapshot_mutex_);
    snapshot_ = std::move(made);
    recorded = recorded_;
    single = single_;
  }
  copying_ = true;
  all_metrics_.snapshot.Begin(parts_.clock.NowMillis());
  reporter_ = std::make_unique<SnapshotReporter>(replica_set_, parts_.clock);
  snapshot.SetPaused(paused_);
  if (progress_->initsync) {
    SHARDTAIL_ASSIGN_OR_RETURN(const int64_t collections, snapshot.CopyAll(recorded));
    base::LogInfo("snapshot of {} collections from {}, {} {}", collections, member.name(),
                  before_stream ? "and then the stream after" : "while the stream goes on after",
                  event::ToString(progress_->position));
  }
  for (const auto& [uuid, progress] : recorded) {
    if (progress.complete()) all_metrics_.snapshot.Finished(progress.ns);
  }
  // Of what streams already, nothing may go out before the stream has come to it.
  if (before_stream) return absl::OkStatus();
  SHARDTAIL_RETURN_IF_ERROR(FindNames(member, &single));
  for (const auto& [uuid, progress] : single) {
    if (!progress.ns.empty() && snapshot.CopyOne(uuid, progress)) {
      all_metrics_.snapshot.Expect(progress.ns);
      base::LogInfo("copying {} while the stream goes on", progress.ns);
      continue;
    }
    SHARDTAIL_RETURN_IF_ERROR(
        parts_.store.SaveProgress(replica_set_, {{KeyOf(kSinglePrefix, uuid), std::nullopt}}));
    const std::lock_guard lock(snapshot_mutex_);
    single_.erase(uuid);
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::FindNames(Member& member, StreamSnapshot::Progress* single) {
  if (single->empty()) return absl::OkStatus();
  SHARDTAIL_ASSIGN_OR_RETURN(const std::vector<SnapshotSource::Collection> found,
                             FindCollections(member, [this](const event::Namespace& ns) {
                               return delivery_->publisher->Captures(ns);
                             }));
  std::map<snapshot::CollectionUuid, std::string> names;
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

bool ReplicaSetPipeline::CopiesWhatComesLater() const {
  return options_.snapshot_mode != SnapshotMode::kNever &&
         options_.snapshot_streaming == SnapshotStreaming::kConcurrent;
}

absl::Status ReplicaSetPipeline::NoteArrivedRanges(Member& member) {
  const std::vector<std::string> names = order_->TakeArrived();
  if (names.empty() || options_.snapshot_mode == SnapshotMode::kNever ||
      !order_->seat().IsCopiedAfter(order_->at())) {
    return absl::OkStatus();
  }
  SHARDTAIL_ASSIGN_OR_RETURN(
      const std::vector<SnapshotSource::Collection> found,
      FindCollections(member, [&](const event::Namespace& ns) -> absl::StatusOr<bool> {
        if (std::ranges::find(names, ns.full) == names.end()) return false;
        return Copies(ns);
      }));
  for (const SnapshotSource::Collection& collection : found) {
    base::LogInfo(
        "a range of {} came from another shard during a copy, which may have left it out on both: "
        "the collection is copied again from here",
        collection.ns);
    SHARDTAIL_RETURN_IF_ERROR(parts_.store.SaveProgress(
        replica_set_, {{KeyOf(kArrivedPrefix, collection.uuid), collection.ns}}));
    arrived_[collection.uuid] = collection.ns;
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::CopyArrivedRanges(Member& member, const std::stop_token& stop) {
  for (auto next = arrived_.begin(); next != arrived_.end();) {
    const auto& [uuid, ns] = *next;
    if (copying_ && snapshot_->IsCopying(uuid)) {
      ++next;
      continue;
    }
    SHARDTAIL_RETURN_IF_ERROR(
        CopyOne(uuid, {.ns = ns, .copied = {}, .kind = snapshot::CopyKind::kMoved, .query = {}},
                member, stop));
    SHARDTAIL_RETURN_IF_ERROR(
        parts_.store.SaveProgress(replica_set_, {{KeyOf(kArrivedPrefix, uuid), std::nullopt}}));
    next = arrived_.erase(next);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ReplicaSetPipeline::Copies(const event::Namespace& ns) {
  if (!options_.snapshot_include.empty() &&
      std::ranges::none_of(options_.snapshot_include, [&](const base::Regex& pattern) {
        return pattern.FullMatch(ns.full).value_or(false);
      })) {
    return false;
  }
  return delivery_->publisher->Captures(ns);
}

absl::Status ReplicaSetPipeline::CopyOne(const snapshot::CollectionUuid& uuid,
                                         const snapshot::CollectionProgress& progress,
                                         Member& member, const std::stop_token& stop) {
  const std::lock_guard record_lock(record_mutex_);
  SHARDTAIL_RETURN_IF_ERROR(parts_.store.SaveProgress(
      replica_set_, {{KeyOf(kSinglePrefix, uuid), snapshot::EncodeProgress(progress)}}));
  {
    const std::lock_guard lock(snapshot_mutex_);
    unsaved_.erase(KeyOf(kSinglePrefix, uuid));
    single_[uuid] = progress;
  }
  if (!copying_) return BeginCopy(member, /*before_stream=*/false, stop);
  if (snapshot_->CopyOne(uuid, progress, snapshot::IsStreamed(progress.kind))) {
    all_metrics_.snapshot.Expect(progress.ns);
    base::LogInfo("copying {} while the stream goes on", progress.ns);
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::TakeSignals(Member& member, bool before_stream,
                                             const std::stop_token& stop) {
  const auto can_be_done = [before_stream](const auto& kept) {
    const signals::Action action = kept.second.action;
    return !before_stream || action == signals::Action::kPauseSnapshot ||
           action == signals::Action::kResumeSnapshot;
  };
  while (true) {
    std::pair<std::string, signals::Signal> next;
    {
      const std::lock_guard lock(inbox_mutex_);
      const auto first = std::ranges::find_if(inbox_, can_be_done);
      if (first == inbox_.end()) return absl::OkStatus();
      next = *first;
    }
    SHARDTAIL_RETURN_IF_ERROR(TakeSignal(next.second, member, stop));
    SHARDTAIL_RETURN_IF_ERROR(parts_.signals.Forget(replica_set_, next.first));
    metrics_.signals.Add();
    const std::lock_guard lock(inbox_mutex_);
    inbox_.erase(next.first);
  }
}

absl::Status ReplicaSetPipeline::TakeSignal(const signals::Signal& signal, Member& member,
                                            const std::stop_token& stop) {
  switch (signal.action) {
    case signals::Action::kExecuteSnapshot:
      return ExecuteSnapshot(signal, member, stop);
    case signals::Action::kStopSnapshot:
      base::LogInfo("signal '{}': {} copies are stopped", signal.id,
                    copying_ ? snapshot_->Stop(signal.collections) : 0);
      return absl::OkStatus();
    case signals::Action::kPauseSnapshot:
      return SetPaused(true);
    case signals::Action::kResumeSnapshot:
      return SetPaused(false);
    case signals::Action::kLog:
      break;
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::ExecuteSnapshot(const signals::Signal& signal, Member& member,
                                                 const std::stop_token& stop) {
  const auto matches = [](const base::Regex& pattern, std::string_view name) {
    return pattern.FullMatch(name).value_or(false);
  };
  SHARDTAIL_ASSIGN_OR_RETURN(
      const std::vector<SnapshotSource::Collection> found,
      FindCollections(member, [&](const event::Namespace& ns) -> absl::StatusOr<bool> {
        if (std::ranges::none_of(signal.collections, [&](const base::Regex& pattern) {
              return matches(pattern, ns.full);
            })) {
          return false;
        }
        return delivery_->publisher->Captures(ns);
      }));
  if (found.empty()) {
    base::LogWarn("signal '{}': no collection that is captured matches its data-collections",
                  signal.id);
  }
  for (const SnapshotSource::Collection& collection : found) {
    const auto condition = std::ranges::find_if(
        signal.conditions,
        [&](const signals::Condition& each) { return matches(each.collection, collection.ns); });
    const auto query =
        QueryForBoth(collection.uuid,
                     condition == signal.conditions.end() ? bson::Document() : condition->query);
    if (!query.has_value()) {
      base::LogInfo("signal '{}': {} is being copied already", signal.id, collection.ns);
      continue;
    }
    const snapshot::CollectionProgress progress{
        .ns = collection.ns, .copied = {}, .kind = snapshot::CopyKind::kAgain, .query = *query};
    SHARDTAIL_RETURN_IF_ERROR(CopyOne(collection.uuid, progress, member, stop));
  }
  return absl::OkStatus();
}

std::optional<bson::Document> ReplicaSetPipeline::QueryForBoth(const snapshot::CollectionUuid& uuid,
                                                               const bson::Document& query) {
  if (!copying_ || !snapshot_->IsCopying(uuid)) return query;
  const std::lock_guard lock(snapshot_mutex_);
  const auto under_way = single_.find(uuid);
  // Complete since, or the snapshot of everything.
  if (under_way == single_.end()) {
    return snapshot_->IsCopying(uuid) ? std::nullopt : std::optional(query);
  }
  const bson::View before = under_way->second.query;
  if (before.empty() || before.bytes() == query.view().bytes()) return std::nullopt;
  if (query.view().empty()) return query;
  bson::Builder both;
  both.OpenArray("$or").SubDocument("0", before).SubDocument("1", query).Close();
  return both.Build();
}

absl::Status ReplicaSetPipeline::SetPaused(bool paused) {
  SHARDTAIL_RETURN_IF_ERROR(parts_.store.SaveProgress(
      replica_set_, {{kPausedKey, paused ? std::optional<std::string>("true") : std::nullopt}}));
  paused_ = paused;
  if (copying_) snapshot_->SetPaused(paused);
  base::LogInfo("copies are {}", paused ? "paused, until a signal resume-snapshot" : "resumed");
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::HandleSignal(const event::ChangeEvent& event) {
  const absl::StatusOr<signals::Signal> signal = signals::ParseSignal(event.document);
  if (!signal.ok()) {
    metrics_.signals_refused.Add();
    base::LogWarn("the signal at {} in {} is passed over: {}: {}", event::ToString(event.position),
                  event.ns.full, std::string(signal.status().message()),
                  bson::ToDebugString(event.document));
    return absl::OkStatus();
  }
  base::LogInfo("signal {} '{}' at {} in {}", signals::NameOf(signal->action), signal->id,
                event::ToString(event.position), event.ns.full);
  return parts_.signals.Deliver(*signal);
}

absl::Status ReplicaSetPipeline::HandleArrival(const snapshot::CollectionUuid& uuid,
                                               const event::Namespace& ns, Member& member,
                                               const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const bool copies, Copies(ns));
  if (!copies || (copying_ && snapshot_->Knows(uuid))) return absl::OkStatus();
  base::LogInfo("{} has come under a name that is captured", ns.full);
  return CopyOne(
      uuid,
      {.ns = std::string(ns.full), .copied = {}, .kind = snapshot::CopyKind::kLate, .query = {}},
      member, stop);
}

absl::Status ReplicaSetPipeline::EndInitialCopy(Member& member) {
  if (!after()) copies_in_a_row_ = 0;  // else the stream has yet to be reached
  base::LogInfo("snapshot complete: {} documents since the start of this run",
                snapshot_->documents());
  if (snapshot_->documents() > 0 && !snapshot_->marked_last()) {
    base::LogWarn(
        "no event carries source.snapshot=last: what was left to copy at the end held no "
        "documents");
  }
  if (order_ != nullptr) {
    SHARDTAIL_ASSIGN_OR_RETURN(const mongo::ClusterTime now, member.ClusterTimeNow());
    order_->seat().EndCopy(now.time);
  }
  progress_->initsync = false;
  progress_->copy = 0;
  delivery_->publisher->Pass(*progress_);
  return parts_.committer.CommitNow(replica_set_);
}

void ReplicaSetPipeline::NoteSettled(uint64_t settled) {
  std::vector<snapshot::CollectionUuid> forgotten = snapshot_->TakeForgotten();
  for (auto& [uuid, progress] : snapshot_->Settle(settled)) {
    if (progress.complete()) all_metrics_.snapshot.Finished(progress.ns);
    if (progress.kind == snapshot::CopyKind::kInitial) {
      unsaved_[snapshot::ToString(uuid)] = snapshot::EncodeProgress(progress);
      recorded_[uuid] = std::move(progress);
    } else if (progress.complete()) {
      base::LogInfo("{} is copied", progress.ns);
      forgotten.push_back(uuid);
    } else {
      unsaved_[KeyOf(kSinglePrefix, uuid)] = snapshot::EncodeProgress(progress);
      single_[uuid] = std::move(progress);
    }
  }
  for (const snapshot::CollectionUuid& uuid : forgotten) {
    unsaved_[KeyOf(kSinglePrefix, uuid)] = std::nullopt;
    single_.erase(uuid);
  }
}

absl::Status ReplicaSetPipeline::RecordProgress(const offsets::StoredOffset& stored,
                                                uint64_t settled) {
  offsets::OffsetStore::Progress changed;
  const std::lock_guard record_lock(record_mutex_);
  bool remove = false;
  {
    const std::lock_guard lock(snapshot_mutex_);
    if (snapshot_ != nullptr) NoteSettled(settled);
    remove = !stored.initsync && progress_stored_;
    changed = unsaved_;
  }
  if (!changed.empty()) {
    SHARDTAIL_RETURN_IF_ERROR(parts_.store.SaveProgress(replica_set_, changed));
  }
  if (remove) SHARDTAIL_RETURN_IF_ERROR(RemoveProgress(/*single=*/false, {}));
  const std::lock_guard lock(snapshot_mutex_);
  unsaved_.clear();
  if (!remove) return absl::OkStatus();
  progress_stored_ = false;
  recorded_.clear();
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::CopyFirst(Member& member, const std::stop_token& stop) {
  const base::ScopedLogContext context("snapshot");
  SetPhase(metrics::Phase::kCopying);
  const absl::Cleanup stop_workers = [this] { StopCopying(); };
  SHARDTAIL_RETURN_IF_ERROR(BeginCopy(member, /*before_stream=*/true, stop));
  while (copying_) {
    SHARDTAIL_RETURN_IF_ERROR(TakeSignals(member, /*before_stream=*/true, stop));
    SHARDTAIL_RETURN_IF_ERROR(AdvanceCopy(member, stop));
    SHARDTAIL_RETURN_IF_ERROR(delivery_->sink->EndBatch());
    SHARDTAIL_RETURN_IF_ERROR(delivery_->tracker.failure());
    if (!parts_.clock.Sleep(kCopyPause, stop)) {
      return absl::CancelledError("stopped during the snapshot");
    }
  }
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::GiveUpLostStart(Member& member) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto source, member.Tail(progress_->position));
  absl::Status held = source->Next().status();
  if (!IsLostPosition(held)) return held;
  base::LogWarn("the interrupted copy's position is gone: {}", std::string(held.message()));
  progress_.reset();
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
  if (CopiesWhatComesLater()) {
    on_arrival = [&](const uint8_t* uuid, const event::Namespace& ns) {
      return HandleArrival(snapshot::ToUuid(uuid), ns, member, stop);
    };
  }
  tailer::EntryDecoder decoder(
      member.lookup(), tailer_metrics_,
      [this](const event::Namespace& ns) { return delivery_->publisher->Captures(ns); },
      [this](const absl::Status& broken) { return delivery_->publisher->HandlePoison(broken); },
      std::move(on_arrival));
  if (order_ != nullptr) SHARDTAIL_RETURN_IF_ERROR(order_->Begin(member, *progress_));
  const absl::Cleanup stop_workers = [this] { StopCopying(); };
  bool has_single = false;
  {
    const std::lock_guard lock(snapshot_mutex_);
    has_single = !single_.empty();
  }
  if (copying_ || has_single) {
    SHARDTAIL_RETURN_IF_ERROR(BeginCopy(member, /*before_stream=*/false, stop));
  }
  bson::Timestamp end;  // when it is finishing: the last entry to handle
  base::LogInfo("streaming from {} after {}", member.name(), event::ToString(progress_->position));
  Publisher& publisher = *delivery_->publisher;
  publisher.Resume(*progress_);
  absl::Duration role_checked = parts_.clock.Monotonic();
  SetPhase(metrics::Phase::kStreaming);
  while (true) {
    SHARDTAIL_ASSIGN_OR_RETURN(
        const std::optional<tailer::OplogBatch> batch,
        source.Next(copying_ && !paused_ ? std::min(publisher.TimeToNextBeat(), kCopyPause)
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
      } else if (!copying_) {
        copies_in_a_row_ = 0;
      }
    }
    SHARDTAIL_RETURN_IF_ERROR(TakeSignals(member, /*before_stream=*/false, stop));
    SHARDTAIL_RETURN_IF_ERROR(CopyArrivedRanges(member, stop));
    if (copying_) {
      SHARDTAIL_RETURN_IF_ERROR(AdvanceCopy(member, stop));
      if (!progress_->initsync && options_.snapshot_mode == SnapshotMode::kInitialOnly) {
        return absl::OkStatus();
      }
    }
    SHARDTAIL_RETURN_IF_ERROR(publisher.BeatWhenDue(stop));
    if (batch.has_value()) NoteSent();
    SHARDTAIL_RETURN_IF_ERROR(delivery_->sink->EndBatch());
    SHARDTAIL_RETURN_IF_ERROR(delivery_->tracker.failure());
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

void ReplicaSetPipeline::StopCopying() {
  if (snapshot_ != nullptr) snapshot_->StopWorkers();
  reporter_.reset();
  if (!copying_) return;
  all_metrics_.snapshot.End(metrics::SnapshotState::kAborted, parts_.clock.NowMillis());
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
  if (order_ != nullptr) {
    order_->BeginEntry(entry);
    SHARDTAIL_RETURN_IF_ERROR(NoteArrivedRanges(member));
  }
  if (copying_) SHARDTAIL_RETURN_IF_ERROR(snapshot_->BeginEntry(entry));
  const offsets::StoredOffset before = *progress_;
  const event::Position& reached = before.inside.value_or(before.position);
  const int64_t delivered = reached.ts == *ts ? reached.index : 0;
  bool passed = false;       // an event's own offset leads past the entry
  bool transaction = false;  // which the entry commits
  absl::Status decoded =
      decoder.Decode(entry, [&](const event::ChangeEvent& event) -> absl::Status {
        transaction = event.position.index > 0 && event.session.present;
        passed = !event.spans_entries;
        if (event.position.index != 0 && event.position.index <= delivered) return absl::OkStatus();
        offsets::StoredOffset offset{.position = event.position,
                                     .session = event.session,
                                     .h = event.h,
                                     .initsync = before.initsync,
                                     .copy = before.copy};
        if (event.operation == event::Operation::kCreate &&
            event.ns.full == options_.signal_collection) {
          SHARDTAIL_RETURN_IF_ERROR(HandleSignal(event));
        }
        if (event.spans_entries) {
          offset = before;
          offset.inside = event.position;
        }
        if (copying_) {
          SHARDTAIL_ASSIGN_OR_RETURN(const bool admitted, snapshot_->Admit(event, stop));
          if (!admitted) {
            metrics_.in_snapshot.Add();
            publisher.Pass(offset);
            progress_ = publisher.last_offset();
            return absl::OkStatus();
          }
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
  if (copying_) SHARDTAIL_RETURN_IF_ERROR(snapshot_->EndEntry(*ts, stop));
  if (order_ != nullptr) order_->EndEntry(copying_ ? snapshot_->OldestRead() : std::nullopt);
  return absl::OkStatus();
}

absl::Status ReplicaSetPipeline::AdvanceCopy(Member& member, const std::stop_token& stop) {
  SHARDTAIL_RETURN_IF_ERROR(snapshot_->HandOverReady(stop));
  if (order_ != nullptr && !snapshot_->before_stream()) order_->EndEntry(snapshot_->OldestRead());
  if (snapshot_->active() && snapshot_->all_handed_over() && delivery_->tracker.pending() == 0) {
    SHARDTAIL_RETURN_IF_ERROR(parts_.committer.CommitNow(replica_set_));
  }
  if (progress_->initsync && !snapshot_->initial_active()) {
    SHARDTAIL_RETURN_IF_ERROR(EndInitialCopy(member));
  }
  if (reporter_->Due()) reporter_->Report(snapshot_->Counts());
  if (!snapshot_->active()) {
    copying_ = false;
    all_metrics_.snapshot.End(metrics::SnapshotState::kCompleted, parts_.clock.NowMillis());
    reporter_.reset();
    snapshot_->StopWorkers();
  }
  return absl::OkStatus();
}

void ReplicaSetPipeline::NoteOrder(offsets::StoredOffset* offset) const {
  offset->settled = order_->settled();
  offset->waited = order_->waited();
}

absl::Status ReplicaSetPipeline::KeepOrder(const event::ChangeEvent& event, Member& member,
                                           const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const bool captured, delivery_->publisher->Captures(event.ns));
  if (!captured) return absl::OkStatus();
  // Whoever waits must not hold back what others wait for.
  if (copying_ && order_->IsSuspect(event.ns.full)) {
    SHARDTAIL_RETURN_IF_ERROR(snapshot_->HandOverBefore(order_->at(), stop));
  }
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
  copying_ = false;
  copy_needed_ = true;
  return absl::OkStatus();
}

}  // namespace shardtail::pipeline
