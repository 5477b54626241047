#include "pipeline/stream_snapshot.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/status_macros.h"

namespace shardtail::pipeline {
namespace {

// The stream looks again for what it waits for, in case nobody told it.
constexpr auto kIdle = std::chrono::milliseconds(200);

// Of more collections nobody is told how large they are: a question for each.
constexpr int64_t kMostEstimated = 1000;

// What each worker may have read ahead of the stream, and as much again of all, so that a single
// one reads while its last range is handed over (measured: twice as fast).
constexpr int64_t kBytesPerWorker = 4 << 20;

constexpr bson::Timestamp kEver{UINT32_MAX, UINT32_MAX};

}  // namespace

StreamSnapshot::StreamSnapshot(OpenSource open_source, Hooks hooks, const Options& options,
                               const tailer::OplogPoint& start, bson::Timestamp reached,
                               bool before_stream, base::Clock& clock)
    : open_source_(std::move(open_source)),
      hooks_(std::move(hooks)),
      options_(options),
      start_(start),
      before_stream_(before_stream),
      clock_(clock),
      max_bytes_(kBytesPerWorker * (std::max(options.snapshot_threads, 1) + 1)),
      board_(reached) {
  board_.Pass(start_.position.ts);
}

StreamSnapshot::~StreamSnapshot() { StopWorkers(); }

void StreamSnapshot::StopWorkers() {
  for (std::jthread& worker : workers_) worker.request_stop();
  workers_.clear();
}

absl::StatusOr<int64_t> StreamSnapshot::CopyAll(const Progress& progress) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto source, open_source_());
  SHARDTAIL_ASSIGN_OR_RETURN(
      std::vector<SnapshotSource::Collection> found,
      source->List([this](const event::Namespace& ns) { return hooks_.captures(ns); }));
  const auto count = static_cast<int64_t>(found.size());
  {
    const std::lock_guard lock(mutex_);
    for (SnapshotSource::Collection& collection : found) {
      const auto known = progress.find(collection.uuid);
      const std::span<const snapshot::CopiedRange> copied =
          known == progress.end() ? std::span<const snapshot::CopiedRange>()
                                  : std::span(known->second.copied);
      Plan(collection.uuid, collection.ns, copied, snapshot::CopyKind::kInitial);
      // What was copied before is not counted.
      if (copied.empty() && count <= kMostEstimated) unestimated_.push_back(collection.uuid);
      collections_[collection.uuid] = std::move(collection);
    }
  }
  if (active()) StartWorkers();
  return count;
}

bool StreamSnapshot::CopyOne(const snapshot::CollectionUuid& uuid,
                             const snapshot::CollectionProgress& progress, bool anew) {
  {
    const std::lock_guard lock(mutex_);
    const bool late = progress.kind == snapshot::CopyKind::kLate;
    if (board_.IsUnfinished(uuid) && !anew) return false;
    if (late && board_.KindOf(uuid).has_value()) return false;
    std::erase_if(forgotten_, [&uuid](const Forgotten& each) { return each.uuid == uuid; });
    Plan(uuid, progress.ns, progress.copied, progress.kind);
    DropUseless();
    if (progress.copied.empty()) unestimated_.push_back(uuid);
    sizes_.erase(uuid);
    SnapshotSource::Collection& collection = collections_[uuid];
    collection = {.uuid = uuid,
                  .ns = progress.ns,
                  .described = false,
                  .query = progress.query,
                  .signal = progress.signal};
  }
  StartWorkers();
  changed_.notify_all();
  return true;
}

void StreamSnapshot::Plan(const snapshot::CollectionUuid& uuid, const std::string& ns,
                          std::span<const snapshot::CopiedRange> copied, snapshot::CopyKind kind) {
  const bool to_cut = options_.snapshot_threads > 1 && copied.empty();
  board_.Add(uuid, ns, copied, kind,
             to_cut ? snapshot::Board::Taken::kAfterSplit : snapshot::Board::Taken::kAtOnce);
  if (options_.snapshot_queries.contains(ns)) board_.PublishAll(uuid);
  if (to_cut) uncut_.push_back(uuid);
}

void StreamSnapshot::StartWorkers() {
  while (workers_.size() < static_cast<size_t>(std::max(options_.snapshot_threads, 1))) {
    workers_.emplace_back([this](const std::stop_token& stop) { Work(stop); });
  }
}

bool StreamSnapshot::active() const {
  const std::lock_guard lock(mutex_);
  return !board_.complete();
}

bool StreamSnapshot::Knows(const snapshot::CollectionUuid& uuid) const {
  const std::lock_guard lock(mutex_);
  return board_.KindOf(uuid).has_value();
}

bool StreamSnapshot::IsCopying(const snapshot::CollectionUuid& uuid) const {
  const std::lock_guard lock(mutex_);
  return board_.IsUnfinished(uuid);
}

int64_t StreamSnapshot::Stop(std::span<const base::Regex> collections) {
  const std::lock_guard lock(mutex_);
  std::vector<snapshot::CollectionUuid> matching;
  for (const auto& [uuid, collection] : collections_) {
    if (board_.KindOf(uuid) != snapshot::CopyKind::kAgain || !board_.IsUnfinished(uuid)) continue;
    if (collections.empty() || base::AnyFullMatch(collections, collection.ns))
      matching.push_back(uuid);
  }
  for (const snapshot::CollectionUuid& uuid : matching) Forget(uuid, "stopped by a signal");
  changed_.notify_all();
  return static_cast<int64_t>(matching.size());
}

void StreamSnapshot::SetPaused(bool paused) {
  {
    const std::lock_guard lock(mutex_);
    paused_ = paused;
  }
  changed_.notify_all();
}

bool StreamSnapshot::initial_active() const {
  const std::lock_guard lock(mutex_);
  return !board_.initial_complete();
}

std::optional<bson::Timestamp> StreamSnapshot::OldestRead() const {
  const std::lock_guard lock(mutex_);
  return board_.OldestRead();
}

absl::Status StreamSnapshot::BeginEntry(bson::View bytes) {
  tailer::OplogEntry entry;
  // What is broken is the decoder's to report.
  if (!ParseOplogEntry(bytes, &entry).ok() || !entry.ts.has_value()) return absl::OkStatus();
  bson::Timestamp visible = *entry.ts;
  bson::Reader reader(entry.o);
  bson::Element command;
  const bool is_command = entry.op == "c" && reader.Next(&command);
  if (is_command && command.name == "commitTransaction") {
    const auto commit = entry.o.Find("commitTimestamp");
    if (commit.has_value() && commit->type == bson::Type::kTimestamp) {
      visible = commit->AsTimestamp();
    }
  }
  std::optional<event::Namespace> to;
  bool captured = false;
  if (is_command && command.name == "renameCollection") {
    const auto target = entry.o.Find("to");
    to = event::Namespace::Parse(target.has_value() ? target->GetString().value_or("") : "");
    if (to.has_value()) {
      SHARDTAIL_ASSIGN_OR_RETURN(captured, hooks_.captures(*to));
    }
  }
  const std::lock_guard lock(mutex_);
  board_.BeginEntry(*entry.ts, visible);
  if (!is_command || entry.ui == nullptr) return absl::OkStatus();
  const snapshot::CollectionUuid uuid = snapshot::ToUuid(entry.ui);
  if (command.name == "drop") {
    Forget(uuid, "dropped");
  } else if (to.has_value()) {
    const auto dropped = entry.o.Find("dropTarget");
    if (dropped.has_value() && dropped->type == bson::Type::kBinary &&
        dropped->BinaryData().size() == uuid.size()) {
      Forget(snapshot::ToUuid(reinterpret_cast<const uint8_t*>(dropped->BinaryData().data())),
             "dropped");
    }
    const auto known = collections_.find(uuid);
    if (known != collections_.end() && captured) {
      Rename(uuid, std::string(to->full));
    } else if (known != collections_.end()) {
      Forget(uuid, "renamed to a name that is not captured");
    }
  }
  changed_.notify_all();
  return absl::OkStatus();
}

void StreamSnapshot::Rename(const snapshot::CollectionUuid& uuid, std::string ns) {
  board_.Rename(uuid, ns);
  if (options_.snapshot_queries.contains(ns)) board_.PublishAll(uuid);
  collections_.at(uuid).ns = std::move(ns);
  DropUseless();
}

absl::Status StreamSnapshot::FindMissed() {
  std::set<snapshot::CollectionUuid> missed;
  {
    const std::lock_guard lock(mutex_);
    missed = std::exchange(missed_, {});
  }
  if (missed.empty()) return absl::OkStatus();
  SHARDTAIL_ASSIGN_OR_RETURN(const auto source, open_source_());
  SHARDTAIL_ASSIGN_OR_RETURN(
      const std::vector<SnapshotSource::Collection> found,
      source->List([this](const event::Namespace& ns) { return hooks_.captures(ns); }));
  const std::lock_guard lock(mutex_);
  for (const snapshot::CollectionUuid& uuid : missed) {
    const auto known = collections_.find(uuid);
    if (known == collections_.end()) continue;
    const auto now = std::ranges::find(found, uuid, &SnapshotSource::Collection::uuid);
    if (now == found.end()) {
      Forget(uuid, "dropped, or renamed to a name that is not captured");
    } else if (now->ns != known->second.ns) {
      Rename(uuid, now->ns);
    }
  }
  changed_.notify_all();
  return absl::OkStatus();
}

void StreamSnapshot::Forget(const snapshot::CollectionUuid& uuid, std::string reason) {
  const auto kind = board_.KindOf(uuid);
  if (kind.has_value() && *kind != snapshot::CopyKind::kInitial) {
    forgotten_.push_back({uuid, std::move(reason)});
  }
  board_.Remove(uuid);
  collections_.erase(uuid);
  DropUseless();
}

void StreamSnapshot::DropUseless() {
  std::erase_if(read_, [this](const auto& numbered) {
    const auto& [number, range] = numbered;
    if (board_.Knows(number)) return false;
    for (const SnapshotSource::Documents& part : range.parts) bytes_ -= part.bytes;
    return true;
  });
}

std::optional<snapshot::Chunk> StreamSnapshot::FindParts(bson::Timestamp ts) const {
  for (const auto& [number, range] : read_) {
    const snapshot::Chunk& chunk = range.chunk;
    if (!range.whole && chunk.at < ts && board_.HasPassed(chunk.at)) return chunk;
  }
  return std::nullopt;
}

bool StreamSnapshot::HasReady() const {
  return board_.Ready().has_value() || FindParts(kEver).has_value();
}

bool StreamSnapshot::all_handed_over() const {
  const std::lock_guard lock(mutex_);
  return board_.all_handed_over();
}

absl::StatusOr<bool> StreamSnapshot::Admit(const event::ChangeEvent& event,
                                           const std::stop_token& stop) {
  if (event.collection_uuid == nullptr) return true;
  const snapshot::CollectionUuid uuid = snapshot::ToUuid(event.collection_uuid);
  const bool is_delete = event.operation == event::Operation::kDelete;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      const snapshot::Decision decision = board_.Decide(uuid, event.id, is_delete);
      if (decision != snapshot::Decision::kWait) return decision == snapshot::Decision::kPublish;
      // In flight: read, and handed over below, or given up.
      if (!HasReady()) {
        changed_.wait_for(lock, stop, kIdle, [this] { return HasReady() || !failure_.ok(); });
      }
      SHARDTAIL_RETURN_IF_ERROR(failure_);
    }
    if (stop.stop_requested()) return absl::CancelledError("stopped during the snapshot");
    SHARDTAIL_RETURN_IF_ERROR(HandOverAll(true, stop));
  }
}

void StreamSnapshot::PassOver(const event::ChangeEvent& event) {
  const bool is_delete = event.operation == event::Operation::kDelete;
  if (event.collection_uuid == nullptr || !is_delete) return;
  const std::lock_guard lock(mutex_);
  board_.Decide(snapshot::ToUuid(event.collection_uuid), event.id, is_delete);
}

absl::Status StreamSnapshot::EndEntry(bson::Timestamp ts, const std::stop_token& stop) {
  bool ready = false;
  {
    const std::lock_guard lock(mutex_);
    board_.Pass(ts);
    ready = HasReady();
  }
  return ready ? HandOverAll(false, stop) : absl::OkStatus();
}

absl::Status StreamSnapshot::HandOverReady(const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    SHARDTAIL_RETURN_IF_ERROR(failure_);
    if (before_stream_) board_.Pass(newest_);
  }
  if (before_stream_) SHARDTAIL_RETURN_IF_ERROR(FindMissed());
  return HandOverAll(false, stop);
}

absl::Status StreamSnapshot::HandOverBefore(bson::Timestamp ts, const std::stop_token& stop) {
  while (true) {
    snapshot::Chunk oldest;
    {
      std::unique_lock lock(mutex_);
      const auto earlier = [&] {
        const auto time = board_.OldestRead();
        return time.has_value() && *time < ts;
      };
      if (!earlier()) return absl::OkStatus();
      // The oldest of all, also of those that are still being read.
      const auto find = [&]() -> bool {
        const auto ready = board_.AllReady();
        const auto at_oldest = std::ranges::find_if(
            ready, [&](const snapshot::Chunk& chunk) { return chunk.at == *board_.OldestRead(); });
        if (at_oldest == ready.end()) return false;
        oldest = *at_oldest;
        return true;
      };
      const auto find_parts = [&] {
        const auto found = FindParts(ts);
        if (found.has_value()) oldest = *found;
        return found.has_value();
      };
      if (!find() && !find_parts()) {
        changed_.wait_for(lock, stop, kIdle,
                          [&] { return !earlier() || find() || find_parts() || !failure_.ok(); });
        SHARDTAIL_RETURN_IF_ERROR(failure_);
        if (stop.stop_requested()) return absl::CancelledError("stopped during the snapshot");
        if (!earlier()) return absl::OkStatus();
        if (!find() && !find_parts()) continue;
      }
    }
    SHARDTAIL_RETURN_IF_ERROR(HandOver(oldest, stop));
  }
}

absl::Status StreamSnapshot::HandOverAll(bool all, const std::stop_token& stop) {
  while (true) {
    snapshot::Chunk next;
    {
      const std::lock_guard lock(mutex_);
      std::vector<snapshot::Chunk> ready = board_.AllReady();
      const std::optional<snapshot::Chunk> parts = FindParts(kEver);
      if (ready.empty() && !parts.has_value()) return absl::OkStatus();
      // None of another kind can be the last.
      const auto initial_first =
          std::stable_partition(ready.begin(), ready.end(), [this](const snapshot::Chunk& chunk) {
            return board_.KindOf(chunk.collection) != snapshot::CopyKind::kInitial;
          });
      const bool has_other = parts.has_value() || initial_first != ready.begin();
      const auto without_documents =
          std::ranges::find_if(ready, [this](const snapshot::Chunk& chunk) {
            return read_.at(chunk.number).parts.front().documents.empty();
          });
      if (without_documents != ready.end()) {
        next = *without_documents;
      } else if (parts.has_value()) {
        next = *parts;
      } else if (all || has_other || ready.size() > 1 || bytes_ >= max_bytes_ ||
                 board_.IsLast(ready.front().number)) {
        next = ready.front();
      } else {
        return absl::OkStatus();
      }
    }
    SHARDTAIL_RETURN_IF_ERROR(HandOver(next, stop));
  }
}

absl::Status StreamSnapshot::HandOver(const snapshot::Chunk& chunk, const std::stop_token& stop) {
  if (hooks_.before_range != nullptr) {
    SHARDTAIL_RETURN_IF_ERROR(HandOverBefore(chunk.at, stop));
    SHARDTAIL_RETURN_IF_ERROR(hooks_.before_range(chunk.ns, chunk.at));
  }
  for (bool whole = false; !whole;) {
    SnapshotSource::Documents part;
    tailer::OplogPoint at;
    bool last = false;
    {
      const std::lock_guard lock(mutex_);
      const auto found = read_.find(chunk.number);
      // Handed over, as far as it was read, or of no use any more.
      if (found == read_.end()) return absl::OkStatus();
      ReadRange& range = found->second;
      part = std::move(range.parts.front());
      range.parts.pop_front();
      at = range.at;
      if (range.parts.empty()) {
        whole = range.whole;
        read_.erase(found);
      }
      last = whole && board_.IsLast(chunk.number);
    }
    SHARDTAIL_RETURN_IF_ERROR(EmitAll(chunk, part, at, last, stop));
  }
  {
    const std::lock_guard lock(mutex_);
    board_.HandOver(chunk.number, hooks_.last_ticket());
  }
  changed_.notify_all();
  return absl::OkStatus();
}

absl::Status StreamSnapshot::EmitAll(const snapshot::Chunk& chunk,
                                     const SnapshotSource::Documents& part,
                                     const tailer::OplogPoint& at, bool last,
                                     const std::stop_token& stop) {
  const std::vector<bson::View>& documents = part.documents;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = sizes_[chunk.collection].documents == 0;
  }
  if (first && !documents.empty()) hooks_.begun(chunk.collection, chunk.ns);
  for (size_t i = 0; i < documents.size(); ++i) {
    if (stop.stop_requested()) return absl::CancelledError("stopped during the snapshot");
    const bool is_last = last && i + 1 == documents.size();
    marked_last_ = marked_last_ || is_last;
    SHARDTAIL_RETURN_IF_ERROR(
        Emit(chunk.ns, documents[i], at,
             is_last ? event::SnapshotMark::kLast : event::SnapshotMark::kTrue));
  }
  {
    const std::lock_guard lock(mutex_);
    bytes_ -= part.bytes;
    sizes_[chunk.collection].documents += static_cast<int64_t>(documents.size());
  }
  changed_.notify_all();
  return absl::OkStatus();
}

absl::Status StreamSnapshot::Emit(const std::string& ns, bson::View document,
                                  const tailer::OplogPoint& at, event::SnapshotMark mark) {
  const auto id = document.Find("_id");
  if (!id.has_value()) {
    return absl::DataLossError(
        fmt::format("a document of {} has no _id and so no key: leave the collection out with "
                    "collection.exclude.list",
                    ns));
  }
  event::ChangeEvent event;
  event.position = at.position;
  event.operation = event::Operation::kRead;
  event.snapshot = mark;
  event.ns = *event::Namespace::Parse(ns);
  event.id = *id;
  event.document = document;
  event.session = at.session;
  event.h = at.h;
  ++documents_;
  return hooks_.publish(event);
}

std::vector<std::pair<snapshot::CollectionUuid, snapshot::CollectionProgress>>
StreamSnapshot::Settle(uint64_t ticket) {
  std::vector<std::pair<snapshot::CollectionUuid, snapshot::CollectionProgress>> recorded;
  const std::lock_guard lock(mutex_);
  for (const snapshot::CollectionUuid& uuid : board_.Settle(ticket)) {
    recorded.emplace_back(uuid, board_.Progress(uuid));
    const auto known = collections_.find(uuid);
    if (known != collections_.end()) {
      recorded.back().second.query = known->second.query;
      recorded.back().second.signal = known->second.signal;
    }
    if (!before_stream_) continue;
    // All of the stream since then follows, also where another run is `concurrent`.
    for (snapshot::CopiedRange& range : recorded.back().second.copied) {
      range.at = start_.position.ts;
    }
  }
  return recorded;
}

std::vector<StreamSnapshot::Forgotten> StreamSnapshot::TakeForgotten() {
  const std::lock_guard lock(mutex_);
  return std::exchange(forgotten_, {});
}

int64_t StreamSnapshot::DocumentsOf(const snapshot::CollectionUuid& uuid) const {
  const std::lock_guard lock(mutex_);
  const auto size = sizes_.find(uuid);
  return size == sizes_.end() ? 0 : size->second.documents;
}

std::vector<CollectionCount> StreamSnapshot::Counts() const {
  std::vector<CollectionCount> counts;
  const std::lock_guard lock(mutex_);
  counts.reserve(collections_.size());
  for (const auto& [uuid, collection] : collections_) {
    CollectionCount count{.ns = collection.ns, .complete = !board_.IsUnfinished(uuid)};
    if (const auto size = sizes_.find(uuid); size != sizes_.end()) {
      count.documents = size->second.documents;
      count.estimate = size->second.estimate;
    }
    counts.push_back(std::move(count));
  }
  std::ranges::sort(counts, {}, &CollectionCount::ns);
  return counts;
}

}  // namespace shardtail::pipeline
