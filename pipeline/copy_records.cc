#include "pipeline/copy_records.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "base/status_macros.h"

namespace shardtail::pipeline {
namespace {

constexpr char kPlanKey[] = "plan";
constexpr char kPausedKey[] = "paused";
constexpr char kFiltersKey[] = "filters";
constexpr std::string_view kSinglePrefix = "single/";
constexpr std::string_view kArrivedPrefix = "arrived/";
constexpr std::string_view kMovingPrefix = "moving/";

std::string KeyOf(std::string_view prefix, const snapshot::CollectionUuid& uuid) {
  return std::string(prefix) + snapshot::ToString(uuid);
}

// The collection of such a key; nullopt for another key.
std::optional<snapshot::CollectionUuid> CollectionOf(std::string_view key,
                                                     std::string_view prefix) {
  return key.starts_with(prefix) ? snapshot::ParseUuid(key.substr(prefix.size())) : std::nullopt;
}

CopyRecords::Collections NamesUnder(std::string_view prefix, const CopyRecords::Stored& stored) {
  CopyRecords::Collections found;
  for (const auto& [key, name] : stored) {
    if (const auto uuid = CollectionOf(key, prefix)) found[*uuid] = name;
  }
  return found;
}

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

}  // namespace

absl::Status CopyRecords::LoadSingle(const Stored& stored) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, text] : stored) {
    const auto uuid = CollectionOf(key, kSinglePrefix);
    if (!uuid.has_value()) continue;
    SHARDTAIL_ASSIGN_OR_RETURN(single_[*uuid], DecodeStored(text, key, replica_set_));
  }
  return absl::OkStatus();
}

CopyRecords::Collections CopyRecords::FindArrived(const Stored& stored) {
  return NamesUnder(kArrivedPrefix, stored);
}

CopyRecords::Collections CopyRecords::FindMoving(const Stored& stored) {
  return NamesUnder(kMovingPrefix, stored);
}

bool CopyRecords::FindPaused(const Stored& stored) { return stored.contains(kPausedKey); }

std::optional<std::string> CopyRecords::FindFilters(const Stored& stored) {
  const auto found = stored.find(kFiltersKey);
  return found == stored.end() ? std::nullopt : std::optional(found->second);
}

absl::Status CopyRecords::Begin(int64_t copy, const std::stop_token& stop) {
  // It copies those of the single ones as well.
  SHARDTAIL_RETURN_IF_ERROR(RemoveStored(/*single=*/true, stop));
  {
    const std::lock_guard lock(mutex_);
    single_.clear();
  }
  SHARDTAIL_RETURN_IF_ERROR(SaveOne(kPlanKey, std::to_string(copy)));
  const std::lock_guard lock(mutex_);
  initial_stored_ = true;
  return absl::OkStatus();
}

absl::StatusOr<bool> CopyRecords::GoOn(int64_t copy, const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto stored, store_.LoadProgress(replica_set_, stop));
  const auto plan = stored.find(kPlanKey);
  if (plan == stored.end() || plan->second != std::to_string(copy)) return false;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, text] : stored) {
    const auto uuid = snapshot::ParseUuid(key);
    if (!uuid.has_value()) continue;
    SHARDTAIL_ASSIGN_OR_RETURN(initial_[*uuid], DecodeStored(text, key, replica_set_));
  }
  initial_stored_ = true;
  return true;
}

void CopyRecords::Clear() {
  const std::lock_guard lock(mutex_);
  initial_.clear();
  unsaved_.clear();
}

CopyRecords::Progress CopyRecords::initial() const {
  const std::lock_guard lock(mutex_);
  return initial_;
}

CopyRecords::Progress CopyRecords::single() const {
  const std::lock_guard lock(mutex_);
  return single_;
}

std::optional<snapshot::CollectionProgress> CopyRecords::FindSingle(
    const snapshot::CollectionUuid& uuid) const {
  const std::lock_guard lock(mutex_);
  const auto found = single_.find(uuid);
  return found == single_.end() ? std::nullopt : std::optional(found->second);
}

absl::Status CopyRecords::AddSingle(const Progress& single) {
  if (single.empty()) return absl::OkStatus();
  offsets::OffsetStore::Progress added;
  for (const auto& [uuid, progress] : single) {
    added[KeyOf(kSinglePrefix, uuid)] = snapshot::EncodeProgress(progress);
  }
  SHARDTAIL_RETURN_IF_ERROR(store_.SaveProgress(replica_set_, added));
  const std::lock_guard lock(mutex_);
  for (const auto& [uuid, progress] : single) {
    unsaved_.erase(KeyOf(kSinglePrefix, uuid));
    single_[uuid] = progress;
  }
  return absl::OkStatus();
}

absl::Status CopyRecords::RemoveSingle(const snapshot::CollectionUuid& uuid) {
  SHARDTAIL_RETURN_IF_ERROR(SaveOne(KeyOf(kSinglePrefix, uuid), std::nullopt));
  const std::lock_guard lock(mutex_);
  single_.erase(uuid);
  return absl::OkStatus();
}

absl::Status CopyRecords::AddArrived(const snapshot::CollectionUuid& uuid, const std::string& ns) {
  return SaveOne(KeyOf(kArrivedPrefix, uuid), ns);
}

absl::Status CopyRecords::RemoveArrived(const snapshot::CollectionUuid& uuid) {
  return SaveOne(KeyOf(kArrivedPrefix, uuid), std::nullopt);
}

absl::Status CopyRecords::AddMoving(const snapshot::CollectionUuid& uuid, const std::string& ns) {
  return SaveOne(KeyOf(kMovingPrefix, uuid), ns);
}

absl::Status CopyRecords::RemoveMoving(const snapshot::CollectionUuid& uuid) {
  return SaveOne(KeyOf(kMovingPrefix, uuid), std::nullopt);
}

absl::Status CopyRecords::SetPaused(bool paused) {
  return SaveOne(kPausedKey, paused ? std::optional<std::string>("true") : std::nullopt);
}

absl::Status CopyRecords::SetFilters(const std::string& filters) {
  return SaveOne(kFiltersKey, filters);
}

void CopyRecords::Note(const snapshot::CollectionUuid& uuid,
                       snapshot::CollectionProgress progress) {
  const std::lock_guard lock(mutex_);
  const bool initial = progress.kind == snapshot::CopyKind::kInitial;
  unsaved_[initial ? snapshot::ToString(uuid) : KeyOf(kSinglePrefix, uuid)] =
      snapshot::EncodeProgress(progress);
  (initial ? initial_ : single_)[uuid] = std::move(progress);
}

void CopyRecords::NoteSingleEnded(const snapshot::CollectionUuid& uuid) {
  const std::lock_guard lock(mutex_);
  unsaved_[KeyOf(kSinglePrefix, uuid)] = std::nullopt;
  single_.erase(uuid);
}

absl::Status CopyRecords::Save(bool initial_complete) {
  offsets::OffsetStore::Progress changed;
  bool remove = false;
  {
    const std::lock_guard lock(mutex_);
    changed = unsaved_;
    remove = initial_complete && initial_stored_;
  }
  if (!changed.empty()) {
    SHARDTAIL_RETURN_IF_ERROR(store_.SaveProgress(replica_set_, changed));
  }
  if (remove) SHARDTAIL_RETURN_IF_ERROR(RemoveStored(/*single=*/false, {}));
  const std::lock_guard lock(mutex_);
  unsaved_.clear();
  if (!remove) return absl::OkStatus();
  initial_stored_ = false;
  initial_.clear();
  return absl::OkStatus();
}

absl::Status CopyRecords::SaveOne(std::string key, std::optional<std::string> value) {
  return store_.SaveProgress(replica_set_, {{std::move(key), std::move(value)}});
}

absl::Status CopyRecords::RemoveStored(bool single, const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto stored, store_.LoadProgress(replica_set_, stop));
  offsets::OffsetStore::Progress none;
  for (const auto& [key, text] : stored) {
    const bool of_all = key == kPlanKey || snapshot::ParseUuid(key).has_value();
    if (of_all || (single && key.starts_with(kSinglePrefix))) none[key] = std::nullopt;
  }
  return none.empty() ? absl::OkStatus() : store_.SaveProgress(replica_set_, none);
}

}  // namespace shardtail::pipeline
