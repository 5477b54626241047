#include "pipeline/copy_signals.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::pipeline {

CopySignals::CopySignals(SignalPost& post, CollectionCopies& copies, CopyNotifier& notifier,
                         metrics::PipelineMetrics& metrics, std::string replica_set)
    : post_(post),
      copies_(copies),
      notifier_(notifier),
      metrics_(metrics),
      replica_set_(std::move(replica_set)) {
  post_.Join(
      replica_set_,
      [this](const std::string& key, const signals::Signal& signal) {
        const std::lock_guard lock(mutex_);
        inbox_.insert_or_assign(key, signal);
      },
      [this](const std::string& reason) { notifier_.RefuseSignal("", reason); });
}

CopySignals::~CopySignals() { post_.Leave(replica_set_); }

absl::Status CopySignals::Load(const CopyRecords::Stored& stored) {
  for (const auto& [key, text] : stored) {
    if (!SignalPost::IsSignal(key)) continue;
    const auto signal = SignalPost::Decode(text);
    if (!signal.ok()) {
      base::LogWarn("the signal that was kept as {} is passed over: {}", key,
                    std::string(signal.status().message()));
      SHARDTAIL_RETURN_IF_ERROR(post_.Forget(replica_set_, key));
      continue;
    }
    const std::lock_guard lock(mutex_);
    inbox_.insert_or_assign(key, *signal);
  }
  return absl::OkStatus();
}

absl::Status CopySignals::Take(Member& member, Publisher& publisher, bool before_stream,
                               const std::stop_token& stop) {
  const auto can_be_done = [before_stream](const auto& kept) {
    const signals::Action action = kept.second.action;
    return !before_stream || action == signals::Action::kPauseSnapshot ||
           action == signals::Action::kResumeSnapshot;
  };
  while (true) {
    std::pair<std::string, signals::Signal> next;
    {
      const std::lock_guard lock(mutex_);
      const auto first = std::ranges::find_if(inbox_, can_be_done);
      if (first == inbox_.end()) return absl::OkStatus();
      next = *first;
    }
    if (next.second.id.empty()) next.second.id = next.first;
    SHARDTAIL_RETURN_IF_ERROR(Do(next.second, member, publisher, stop));
    SHARDTAIL_RETURN_IF_ERROR(post_.Forget(replica_set_, next.first));
    metrics_.signals.Add();
    const std::lock_guard lock(mutex_);
    inbox_.erase(next.first);
  }
}

absl::Status CopySignals::Do(const signals::Signal& signal, Member& member, Publisher& publisher,
                             const std::stop_token& stop) {
  switch (signal.action) {
    case signals::Action::kExecuteSnapshot:
      return ExecuteSnapshot(signal, member, publisher, stop);
    case signals::Action::kStopSnapshot:
      base::LogInfo("signal '{}': {} copies are stopped", signal.id,
                    copies_.Stop(signal.collections));
      return absl::OkStatus();
    case signals::Action::kPauseSnapshot:
      return copies_.SetPaused(true);
    case signals::Action::kResumeSnapshot:
      return copies_.SetPaused(false);
    case signals::Action::kLog:
      break;
  }
  return absl::OkStatus();
}

absl::Status CopySignals::ExecuteSnapshot(const signals::Signal& signal, Member& member,
                                          Publisher& publisher, const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(
      const std::vector<SnapshotSource::Collection> found,
      CollectionCopies::Find(member, [&](const event::Namespace& ns) -> absl::StatusOr<bool> {
        if (!base::AnyFullMatch(signal.collections, ns.full)) return false;
        return publisher.Captures(ns);
      }));
  if (found.empty()) {
    base::LogWarn("signal '{}': no collection that is captured matches its data-collections",
                  signal.id);
    notifier_.RefuseSignal(signal.id, "no collection that is captured matches data-collections");
    return absl::OkStatus();
  }
  std::vector<std::string> names;
  names.reserve(found.size());
  for (const SnapshotSource::Collection& collection : found) names.push_back(collection.ns);
  notifier_.BeginSignal(signal.id, names);
  for (const SnapshotSource::Collection& collection : found) {
    const auto condition =
        std::ranges::find_if(signal.conditions, [&](const signals::Condition& each) {
          return base::AnyFullMatch({&each.collection, 1}, collection.ns);
        });
    SHARDTAIL_ASSIGN_OR_RETURN(
        const bool begun,
        copies_.CopyAgain(
            collection, condition == signal.conditions.end() ? bson::Document() : condition->query,
            signal.id, member, stop));
    if (begun) continue;
    base::LogInfo("signal '{}': {} is being copied already", signal.id, collection.ns);
    notifier_.AddSingle(collection.uuid,
                        {.ns = collection.ns,
                         .copied = {},
                         .kind = snapshot::CopyKind::kAgain,
                         .query = {},
                         .signal = signal.id},
                        /*again=*/false);
  }
  return absl::OkStatus();
}

absl::Status CopySignals::Post(const event::ChangeEvent& event) {
  const absl::StatusOr<signals::Signal> signal = signals::ParseSignal(event.document);
  if (!signal.ok()) {
    metrics_.signals_refused.Add();
    notifier_.RefuseSignal("", std::string(signal.status().message()));
    base::LogWarn("the signal at {} in {} is passed over: {}: {}", event::ToString(event.position),
                  event.ns.full, std::string(signal.status().message()),
                  bson::ToDebugString(event.document));
    return absl::OkStatus();
  }
  base::LogInfo("signal {} '{}' at {} in {}", signals::NameOf(signal->action), signal->id,
                event::ToString(event.position), event.ns.full);
  return post_.Deliver(*signal);
}

}  // namespace shardtail::pipeline
