#include "pipeline/publisher.h"

#include <array>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::pipeline {

Publisher::Publisher(Parts parts, Options options, std::string replica_set)
    : parts_(parts), options_(options), replica_set_(std::move(replica_set)) {}

absl::Status Publisher::Publish(const event::ChangeEvent& event,
                                const offsets::StoredOffset& offset, const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(Collection * collection, Find(event.ns));
  if (!collection->captured || !parts_.namespace_filter.Accepts(event.operation)) {
    parts_.metrics.filtered.Add();
    parts_.tracker.Pass(offset);
    return absl::OkStatus();
  }
  if (absl::Status encoded = Encode(event, *collection); !encoded.ok()) {
    SHARDTAIL_RETURN_IF_ERROR(HandlePoison(absl::Status(
        encoded.code(),
        fmt::format("event {} of {} at {}: {}", event::ToLetter(event.operation), event.ns.full,
                    event::ToString(event.position), std::string(encoded.message())))));
    parts_.tracker.Pass(offset);
    return absl::OkStatus();
  }
  Count(event.operation);
  const uint64_t ticket = parts_.tracker.Open(offset);
  SHARDTAIL_RETURN_IF_ERROR(parts_.sink.Send(
      {.topic = collection->record.topic, .key = key_, .value = value_, .partition = std::nullopt},
      ticket, stop));
  if (event.operation == event::Operation::kDelete && options_.tombstones_on_delete) {
    parts_.metrics.tombstones.Add();
    const uint64_t tombstone = parts_.tracker.Open(offset);
    SHARDTAIL_RETURN_IF_ERROR(parts_.sink.Send({.topic = collection->record.topic,
                                                .key = key_,
                                                .value = std::nullopt,
                                                .partition = std::nullopt},
                                               tombstone, stop));
  }
  return absl::OkStatus();
}

absl::Status Publisher::HandlePoison(const absl::Status& status) {
  if (options_.failure_mode == FailureMode::kFail) return status;
  parts_.metrics.skipped.Add();
  if (options_.failure_mode == FailureMode::kWarn) {
    base::LogWarn("passed over, as event.processing.failure.handling.mode=warn says: {}",
                  std::string(status.message()));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Publisher::Captures(const event::Namespace& ns) {
  SHARDTAIL_ASSIGN_OR_RETURN(const Collection* collection, Find(ns));
  return collection->captured;
}

absl::StatusOr<Publisher::Collection*> Publisher::Find(const event::Namespace& ns) {
  if (last_ != nullptr && last_name_ == ns.full) return last_;
  auto found = collections_.find(ns.full);
  if (found == collections_.end()) {
    auto made = std::make_unique<Collection>();
    SHARDTAIL_ASSIGN_OR_RETURN(made->captured, parts_.namespace_filter.Accepts(ns));
    if (made->captured) {
      made->record = parts_.encoder.MakeTemplate(ns, replica_set_);
      made->rules = parts_.field_filter.ForCollection(ns);
      const auto [topic, is_new] = topics_.try_emplace(made->record.topic, std::string(ns.full));
      if (!is_new) {
        base::LogWarn("collections {} and {} both go to topic {}", topic->second, ns.full,
                      made->record.topic);
      }
    }
    found = collections_.emplace(std::string(ns.full), std::move(made)).first;
  }
  last_name_ = ns.full;
  last_ = found->second.get();
  return last_;
}

absl::Status Publisher::Encode(const event::ChangeEvent& event, const Collection& collection) {
  const int64_t now = parts_.clock.NowMillis();
  if (!collection.rules.active()) {
    return parts_.encoder.Encode(event, collection.record, now, &key_, &value_);
  }
  event::ChangeEvent shaped = event;
  if (event.document.present()) {
    SHARDTAIL_ASSIGN_OR_RETURN(shaped.document, collection.rules.Apply(event.document, document_));
  }
  if (event.filter.present()) {
    SHARDTAIL_ASSIGN_OR_RETURN(shaped.filter, collection.rules.Apply(event.filter, filter_));
  }
  return parts_.encoder.Encode(shaped, collection.record, now, &key_, &value_);
}

void Publisher::Count(event::Operation operation) {
  metrics::PipelineMetrics& metrics = parts_.metrics;
  switch (operation) {
    case event::Operation::kRead:
      return metrics.reads.Add();
    case event::Operation::kCreate:
      return metrics.creates.Add();
    case event::Operation::kUpdate:
      return metrics.updates.Add();
    case event::Operation::kDelete:
      return metrics.deletes.Add();
  }
}

}  // namespace shardtail::pipeline
