#include "pipeline/offset_committer.h"

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::pipeline {

OffsetCommitter::OffsetCommitter(offsets::OffsetStore& store, absl::Duration interval,
                                 base::Clock& clock)
    : store_(store),
      interval_(interval),
      clock_(clock),
      thread_([this](std::stop_token stop) { Run(stop); }) {}

void OffsetCommitter::Add(const std::string& replica_set, const offsets::AckTracker& tracker,
                          OnStored on_stored) {
  const std::lock_guard lock(mutex_);
  entries_[replica_set] = Entry{&tracker, std::move(on_stored), std::nullopt};
}

absl::Status OffsetCommitter::Remove(const std::string& replica_set) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(replica_set);
  if (entry == entries_.end()) return absl::OkStatus();
  absl::Status status = Commit(replica_set, entry->second);
  entries_.erase(entry);
  return status;
}

absl::Status OffsetCommitter::CommitNow(const std::string& replica_set) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(replica_set);
  return entry == entries_.end() ? absl::OkStatus() : Commit(replica_set, entry->second);
}

absl::Status OffsetCommitter::CommitAll() {
  const std::lock_guard lock(mutex_);
  absl::Status first;
  for (auto& [replica_set, entry] : entries_) first.Update(Commit(replica_set, entry));
  if (!first.ok() && !failing_) {
    base::LogWarn("offsets not stored; trying again every {}: {}", absl::FormatDuration(interval_),
                  first.ToString());
  } else if (first.ok() && failing_) {
    base::LogInfo("offsets are stored again");
  }
  failing_ = !first.ok();
  return first;
}

absl::Status OffsetCommitter::Commit(const std::string& replica_set, Entry& entry) {
  // Before the mark: what was acknowledged since is later than what is stored.
  const uint64_t settled = entry.tracker->settled();
  const std::optional<offsets::StoredOffset> mark = entry.tracker->LowWaterMark();
  if (!mark.has_value()) return absl::OkStatus();
  if (mark != entry.saved) {
    SHARDTAIL_RETURN_IF_ERROR(store_.Save(replica_set, *mark));
    entry.saved = mark;
  }
  return entry.on_stored == nullptr ? absl::OkStatus() : entry.on_stored(*mark, settled);
}

void OffsetCommitter::Run(const std::stop_token& stop) {
  while (clock_.Sleep(interval_, stop)) {
    // Logged there; the next round tries again.
    CommitAll().IgnoreError();
  }
}

}  // namespace shardtail::pipeline
