// What the workers of a StreamSnapshot do: they plan, and read into memory.

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "pipeline/stream_snapshot.h"

namespace shardtail::pipeline {
namespace {

// A worker that finds nothing to do looks again, in case nobody told it.
constexpr auto kIdle = std::chrono::milliseconds(200);

// A time that the server does not have is not asked for again at once.
constexpr absl::Duration kTimeGonePause = absl::Milliseconds(50);

}  // namespace

void StreamSnapshot::Work(const std::stop_token& stop) {
  const base::ScopedLogContext context("snapshot");
  absl::Status ended = WorkUntil(stop);
  if (ended.ok() || stop.stop_requested()) return;
  {
    const std::lock_guard lock(mutex_);
    failure_.Update(ended);
  }
  changed_.notify_all();
  hooks_.ready();
}

absl::Status StreamSnapshot::WorkUntil(const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto source, open_source_());
  while (!stop.stop_requested()) {
    SHARDTAIL_ASSIGN_OR_RETURN(const bool worked, WorkOnce(*source, stop));
    std::unique_lock lock(mutex_);
    const auto has_room = [this] { return bytes_ < max_bytes_; };
    if (board_.complete() || paused_) {
      // Another collection may come.
      changed_.wait(lock, stop, [this] { return !board_.complete() && !paused_; });
    } else if (!worked) {
      changed_.wait_for(lock, stop, kIdle,
                        [this] { return board_.may_take() || !uncut_.empty() || paused_; });
    } else if (!has_room()) {
      changed_.wait(lock, stop, has_room);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> StreamSnapshot::WorkOnce(SnapshotSource& source, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (paused_) return false;
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const bool estimated, EstimateOnce(source));
  if (estimated) return true;
  bool can_read = false;
  {
    const std::lock_guard lock(mutex_);
    can_read = board_.may_take();
  }
  // Only when the others have nothing to read either: of very many collections the first events go
  // out at once.
  if (!can_read) return CutOnce(source);
  // The time first, and then the range: see Board::Take().
  SHARDTAIL_ASSIGN_OR_RETURN(tailer::OplogPoint latest, source.Latest());
  std::optional<snapshot::Chunk> chunk;
  SnapshotSource::Collection collection;
  {
    const std::lock_guard lock(mutex_);
    chunk = board_.Take(latest.position.ts);
    if (!chunk.has_value()) return false;
    newest_ = std::max(newest_, chunk->at);
    collection = collections_.at(chunk->collection);
  }
  if (before_stream_) {
    latest = start_;
  } else if (chunk->at != latest.position.ts) {
    // The transaction of the entry at that very time is not known.
    latest = {.position = {chunk->at, 0}, .session = {}, .h = latest.h};
  }
  absl::StatusOr<std::optional<SnapshotSource::Documents>> documents = std::nullopt;
  const absl::StatusOr<bool> is_there = Describe(source, &collection);
  if (!is_there.ok()) {
    documents = is_there.status();
  } else if (*is_there) {
    documents = source.Read(*chunk, collection, [&](SnapshotSource::Documents part) {
      return TakePart(*chunk, latest, std::move(part), stop);
    });
  }
  const bool usable = documents.ok() && documents->has_value();
  if (usable && (*documents)->without_bound) {
    ReadInParts(*chunk);
    return true;
  }
  if (!documents.ok() && GiveUp(*chunk, documents.status())) return true;
  {
    // Before the stream it would never come to that time.
    const bson::Timestamp checked =
        usable && !before_stream_ ? (*documents)->checked : bson::Timestamp();
    const std::lock_guard lock(mutex_);
    if (!usable) {
      if (before_stream_ && documents.ok()) missed_.insert(chunk->collection);
      board_.Fail(chunk->number);
      DropUseless();
    } else if (board_.FinishRead(chunk->number, (*documents)->end, checked)) {
      Keep(*chunk, latest, **documents, /*whole=*/true);
    }
  }
  changed_.notify_all();
  hooks_.ready();
  SHARDTAIL_RETURN_IF_ERROR(documents.status());
  if (usable) {
    KeepLimits(**documents, stop);
  } else {
    clock_.Sleep(kTimeGonePause, stop);
  }
  return true;
}

bool StreamSnapshot::TakePart(const snapshot::Chunk& chunk, const tailer::OplogPoint& at,
                              SnapshotSource::Documents part, const std::stop_token& stop) {
  KeepLimits(part, stop);
  {
    const std::lock_guard lock(mutex_);
    if (!board_.Knows(chunk.number)) return false;
    Keep(chunk, at, std::move(part), /*whole=*/false);
  }
  changed_.notify_all();
  hooks_.ready();
  std::unique_lock lock(mutex_);
  // The stream may wait for this very range, and what it has not come to yet take all the room.
  changed_.wait(lock, stop, [&] {
    return bytes_ < max_bytes_ || !read_.contains(chunk.number) || !board_.Knows(chunk.number);
  });
  return !stop.stop_requested() && board_.Knows(chunk.number);
}

void StreamSnapshot::Keep(const snapshot::Chunk& chunk, const tailer::OplogPoint& at,
                          SnapshotSource::Documents part, bool whole) {
  ReadRange& range = read_[chunk.number];
  range.chunk = chunk;
  range.at = at;
  range.whole = whole;
  bytes_ += part.bytes;
  range.parts.push_back(std::move(part));
}

void StreamSnapshot::ReadInParts(const snapshot::Chunk& chunk) {
  {
    const std::lock_guard lock(mutex_);
    board_.Fail(chunk.number);
    const auto known = collections_.find(chunk.collection);
    if (known == collections_.end() || std::exchange(known->second.in_parts, true)) return;
  }
  base::LogInfo(
      "{} cannot be cut by its _ids, strings under a collation or very large ones: it is read in "
      "one go, as it is meanwhile, and begun again whole after a restart",
      chunk.ns);
}

bool StreamSnapshot::GiveUp(const snapshot::Chunk& chunk, const absl::Status& status) {
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
      absl::IsCancelled(status)) {
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    if (!board_.Knows(chunk.number)) return true;  // it is copied anew, or not at all
    if (board_.KindOf(chunk.collection) != snapshot::CopyKind::kAgain) return false;
    Forget(chunk.collection, std::string(status.message()));
  }
  changed_.notify_all();
  base::LogWarn("the copy of {} that a signal asked for is given up: {}", chunk.ns,
                std::string(status.message()));
  return true;
}

absl::StatusOr<bool> StreamSnapshot::EstimateOnce(SnapshotSource& source) {
  SnapshotSource::Collection collection;
  {
    const std::lock_guard lock(mutex_);
    if (unestimated_.empty()) return false;
    const auto known = collections_.find(unestimated_.back());
    unestimated_.pop_back();
    if (known == collections_.end()) return true;
    collection = known->second;
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const std::optional<int64_t> estimate, source.Estimate(collection));
  const std::lock_guard lock(mutex_);
  sizes_[collection.uuid].estimate = estimate;
  return true;
}

absl::StatusOr<bool> StreamSnapshot::CutOnce(SnapshotSource& source) {
  std::optional<SnapshotSource::Collection> to_cut;
  {
    const std::lock_guard lock(mutex_);
    while (!uncut_.empty() && !to_cut.has_value()) {
      const auto known = collections_.find(uncut_.front());
      uncut_.pop_front();
      if (known != collections_.end()) to_cut = known->second;
    }
  }
  if (!to_cut.has_value()) return false;
  SHARDTAIL_ASSIGN_OR_RETURN(const bool is_there, Describe(source, &*to_cut));
  std::vector<snapshot::IdBound> bounds;  // none where it is gone: it stays one range
  if (is_there) {
    SHARDTAIL_ASSIGN_OR_RETURN(bounds, source.PlanBounds(*to_cut));
  }
  {
    const std::lock_guard lock(mutex_);
    board_.Split(to_cut->uuid, bounds);
  }
  changed_.notify_all();
  return true;
}

absl::StatusOr<bool> StreamSnapshot::Describe(SnapshotSource& source,
                                              SnapshotSource::Collection* collection) {
  if (collection->described) return true;
  SHARDTAIL_ASSIGN_OR_RETURN(const bool is_there, source.Describe(collection));
  if (!is_there) return false;
  const std::lock_guard lock(mutex_);
  const auto known = collections_.find(collection->uuid);
  if (known == collections_.end()) return true;
  known->second.capped = collection->capped;
  known->second.simple_collation = collection->simple_collation;
  known->second.described = true;
  return true;
}

void StreamSnapshot::KeepLimits(const SnapshotSource::Documents& documents,
                                const std::stop_token& stop) {
  absl::Duration costs = absl::ZeroDuration();
  if (options_.snapshot_documents_per_second > 0) {
    costs = absl::Seconds(static_cast<double>(documents.documents.size()) /
                          static_cast<double>(options_.snapshot_documents_per_second));
  }
  if (options_.snapshot_bytes_per_second > 0) {
    costs = std::max(costs, absl::Seconds(static_cast<double>(documents.bytes) /
                                          static_cast<double>(options_.snapshot_bytes_per_second)));
  }
  if (costs == absl::ZeroDuration()) return;
  absl::Duration allowed;
  {
    const std::lock_guard lock(mutex_);
    read_allowed_ = std::max(read_allowed_, clock_.Monotonic()) + costs;
    allowed = read_allowed_;
  }
  clock_.Sleep(allowed - clock_.Monotonic(), stop);
}

}  // namespace shardtail::pipeline
