#include "pipeline/copy_notifier.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/strings/str_join.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::pipeline {
namespace {

constexpr std::string_view kInitial = "Initial Snapshot";
constexpr std::string_view kIncremental = "Incremental Snapshot";
constexpr std::string_view kSignal = "Signal";  // not Debezium's

std::string Joined(const std::vector<std::string>& names) { return absl::StrJoin(names, ", "); }

}  // namespace

CopyNotifier::CopyNotifier(const Options& options, const encoding::MetadataJson& metadata,
                           base::Clock& clock, std::string replica_set)
    : options_(options), metadata_(metadata), clock_(clock), replica_set_(std::move(replica_set)) {}

void CopyNotifier::BeginInitial(int64_t copy) {
  GoOnInitial(copy);
  const std::lock_guard lock(mutex_);
  Tell(initial_id_, kInitial, "STARTED");
}

void CopyNotifier::GoOnInitial(int64_t copy) {
  const std::lock_guard lock(mutex_);
  initial_id_ = fmt::format("{}-{}", replica_set_, copy);
}

void CopyNotifier::EndInitial() {
  const std::lock_guard lock(mutex_);
  Tell(initial_id_, kInitial, "COMPLETED");
}

void CopyNotifier::AbortInitial(std::string_view reason) {
  const std::lock_guard lock(mutex_);
  Tell(initial_id_, kInitial, "ABORTED", {{"reason", std::string(reason)}});
}

void CopyNotifier::SkipInitial() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(skipped_, true)) Tell(replica_set_, kInitial, "SKIPPED");
}

void CopyNotifier::BeginSignal(const std::string& id, const std::vector<std::string>& names) {
  if (!enabled()) return;
  const std::lock_guard lock(mutex_);
  jobs_[id].names = names;
  Tell(id, kIncremental, "STARTED", {{"data_collections", Joined(names)}});
}

void CopyNotifier::AddSingle(const snapshot::CollectionUuid& uuid,
                             const snapshot::CollectionProgress& progress, bool again) {
  if (!enabled()) return;
  const std::lock_guard lock(mutex_);
  // What nobody asked for is a job of its own.
  const bool asked = !progress.signal.empty();
  Job& job = jobs_[asked ? progress.signal : snapshot::ToString(uuid)];
  job.left[uuid] = progress.ns;
  if (std::ranges::find(job.names, progress.ns) == job.names.end()) {
    job.names.push_back(progress.ns);
  }
  if (!asked && !again) {
    Tell(snapshot::ToString(uuid), kIncremental, "STARTED", {{"data_collections", progress.ns}});
  }
}

void CopyNotifier::Pause(bool paused, bool initial) {
  const std::string_view type = paused ? "PAUSED" : "RESUMED";
  const std::lock_guard lock(mutex_);
  if (initial) Tell(initial_id_, kInitial, type);
  for (const auto& [id, job] : jobs_) {
    Tell(id, kIncremental, type, {{"data_collections", Joined(job.names)}});
  }
}

void CopyNotifier::Begin(const snapshot::CollectionUuid& uuid, const std::string& ns) {
  if (!enabled()) return;
  const std::lock_guard lock(mutex_);
  bool single = false;
  for (const auto& [id, job] : jobs_) {
    if (!job.left.contains(uuid)) continue;
    single = true;
    Tell(id, kIncremental, "IN_PROGRESS",
         {{"data_collections", Joined(job.names)}, {"current_collection_in_progress", ns}});
  }
  if (!single) Tell(initial_id_, kInitial, "IN_PROGRESS", {{"current_collection_in_progress", ns}});
}

void CopyNotifier::Finish(const snapshot::CollectionUuid& uuid, const std::string& ns,
                          int64_t documents) {
  if (!enabled()) return;
  const std::lock_guard lock(mutex_);
  Leave(uuid, {{"scanned_collection", ns},
               {"total_rows_scanned", std::to_string(documents)},
               {"status", documents == 0 ? "EMPTY" : "SUCCEEDED"}});
}

void CopyNotifier::GiveUp(const snapshot::CollectionUuid& uuid, const std::string& reason) {
  if (!enabled()) return;
  const std::lock_guard lock(mutex_);
  std::string ns;
  for (auto& [id, job] : jobs_) {
    const auto found = job.left.find(uuid);
    if (found == job.left.end()) continue;
    ns = found->second;
    job.given_up.push_back(ns);
  }
  // Of the snapshot: it ends without it.
  if (ns.empty()) return;
  Leave(uuid, {{"scanned_collection", ns}, {"status", "SKIPPED"}, {"reason", reason}});
}

void CopyNotifier::Leave(const snapshot::CollectionUuid& uuid, const Data& data) {
  bool single = false;
  for (auto next = jobs_.begin(); next != jobs_.end();) {
    auto& [id, job] = *next;
    if (job.left.erase(uuid) == 0) {
      ++next;
      continue;
    }
    single = true;
    Data all = {{"data_collections", Joined(job.names)}};
    all.insert(all.end(), data.begin(), data.end());
    Tell(id, kIncremental, "TABLE_SCAN_COMPLETED", std::move(all));
    if (!job.left.empty()) {
      ++next;
    } else if (job.given_up.empty()) {
      Tell(id, kIncremental, "COMPLETED");
      next = jobs_.erase(next);
    } else {
      Tell(id, kIncremental, "ABORTED", {{"data_collections", Joined(job.given_up)}});
      next = jobs_.erase(next);
    }
  }
  if (!single) Tell(initial_id_, kInitial, "TABLE_SCAN_COMPLETED", data);
}

void CopyNotifier::RefuseSignal(std::string_view id, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  Tell(id, kSignal, "REFUSED", {{"reason", std::string(reason)}});
}

void CopyNotifier::Tell(std::string_view id, std::string_view about, std::string_view type,
                        Data data) {
  if (!enabled()) return;
  data.emplace_back("replica_set", replica_set_);
  if (options_.notify_log) {
    std::string text;
    for (const auto& [name, value] : data) text += fmt::format(", {}: {}", name, value);
    base::LogInfo("notification: {} {}, id {}{}", about, type, id, text);
  }
  if (options_.notification_topic.empty()) return;
  unsent_.emplace_back(metadata_.NotificationKey(id),
                       metadata_.NotificationValue({.id = id,
                                                    .aggregate_type = about,
                                                    .type = type,
                                                    .additional_data = data,
                                                    .millis = clock_.NowMillis()}));
}

absl::Status CopyNotifier::Send(Publisher& publisher, const std::stop_token& stop) {
  if (!enabled() || !publisher.last_offset().has_value()) return absl::OkStatus();
  std::vector<std::pair<std::string, std::string>> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(unsent_);
  }
  for (const auto& [key, value] : taken) {
    SHARDTAIL_RETURN_IF_ERROR(publisher.Notify(options_.notification_topic, key, value, stop));
  }
  return absl::OkStatus();
}

}  // namespace shardtail::pipeline
