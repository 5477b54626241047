#include "pipeline/publisher.h"

#include <array>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::pipeline {
namespace {

// One bad collection would else fill the log; at level debug each event is named.
constexpr absl::Duration kPoisonLogInterval = absl::Seconds(30);

}  // namespace

Publisher::Publisher(Parts parts, Options options, std::string replica_set)
    : parts_(parts),
      options_(std::move(options)),
      replica_set_(std::move(replica_set)),
      monitor_(replica_set_),
      poison_log_(parts.clock, kPoisonLogInterval),
      last_beat_(parts.clock.Monotonic()) {}

absl::Status Publisher::Publish(const event::ChangeEvent& event,
                                const offsets::StoredOffset& offset, const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(Collection * collection, Find(event.ns));
  // Whether captured or not, an event of another transaction ends the one before.
  // But a copy's event may come between two of one.
  if (event.operation != event::Operation::kRead && monitor_.current() != nullptr &&
      !monitor_.IsCurrent(event::ToStxnid(event.session))) {
    SHARDTAIL_RETURN_IF_ERROR(EndTransaction(stop));
  }
  if (!collection->captured || !parts_.namespace_filter.Accepts(event.operation)) {
    Count(event.operation, parts_.metrics.filtered);
    Pass(offset);
    return absl::OkStatus();
  }
  event::ChangeEvent shaped = event;
  if (options_.transaction_metadata) SHARDTAIL_RETURN_IF_ERROR(Monitor(&shaped, stop));
  if (absl::Status encoded = Encode(&shaped, *collection); !encoded.ok()) {
    Count(event.operation, parts_.metrics.failed);
    SHARDTAIL_RETURN_IF_ERROR(HandlePoison(absl::Status(
        encoded.code(),
        fmt::format("event {} of {} at {}: {}", event::ToLetter(event.operation), event.ns.full,
                    event::ToString(event.position), std::string(encoded.message())))));
    Pass(offset);
    return absl::OkStatus();
  }
  Count(event.operation, parts_.metrics.sent);
  last_offset_ = offset;
  if (shaped.transaction.has_value()) last_offset_->transaction = monitor_.current();
  SHARDTAIL_RETURN_IF_ERROR(Send(
      {.topic = collection->record.topic, .key = key_, .value = value_, .partition = std::nullopt},
      *last_offset_, stop, &event));
  if (event.operation == event::Operation::kDelete && options_.tombstones_on_delete) {
    parts_.metrics.tombstones.Add();
    SHARDTAIL_RETURN_IF_ERROR(Send({.topic = collection->record.topic,
                                    .key = key_,
                                    .value = std::nullopt,
                                    .partition = std::nullopt},
                                   *last_offset_, stop));
  }
  return absl::OkStatus();
}

void Publisher::Pass(const offsets::StoredOffset& offset) {
  last_offset_ = offset;
  // What was counted stays counted until the transaction ends.
  last_offset_->transaction = monitor_.current();
  parts_.tracker.Pass(*last_offset_);
}

void Publisher::Resume(const offsets::StoredOffset& offset) {
  last_offset_ = offset;
  if (options_.transaction_metadata) monitor_.Resume(offset.transaction);
}

absl::Status Publisher::Monitor(event::ChangeEvent* event, const std::stop_token& stop) {
  // An `r` event carries the session of the entry that the copy began at, and belongs to none.
  if (event->operation == event::Operation::kRead || !event->session.present) {
    return absl::OkStatus();
  }
  if (monitor_.current() == nullptr) {
    const std::string id = event::ToStxnid(event->session);
    if (last_offset_.has_value()) {
      SHARDTAIL_RETURN_IF_ERROR(Send({.topic = parts_.metadata.transaction_topic(),
                                      .key = parts_.metadata.TransactionKey(id),
                                      .value = parts_.metadata.BeginValue(id),
                                      .partition = std::nullopt},
                                     *last_offset_, stop));
    }
    monitor_.Begin(id);
  }
  event->transaction = monitor_.Count(event->ns);
  return absl::OkStatus();
}

absl::Status Publisher::EndTransaction(const std::stop_token& stop) {
  const auto ended = monitor_.current();
  if (ended == nullptr) return absl::OkStatus();
  monitor_.End();
  last_offset_->transaction = nullptr;
  return Send({.topic = parts_.metadata.transaction_topic(),
               .key = parts_.metadata.TransactionKey(ended->id),
               .value = parts_.metadata.EndValue(ended->id, ended->collections),
               .partition = std::nullopt},
              *last_offset_, stop);
}

absl::Status Publisher::BeatWhenDue(const std::stop_token& stop) {
  if (TimeToNextBeat() > absl::ZeroDuration() || !last_offset_.has_value()) {
    return absl::OkStatus();
  }
  last_beat_ = parts_.clock.Monotonic();
  return Send({.topic = parts_.metadata.heartbeat_topic(),
               .key = parts_.metadata.heartbeat_key(),
               .value = parts_.metadata.HeartbeatValue(parts_.clock.NowMillis()),
               .partition = 0},
              *last_offset_, stop);
}

absl::Status Publisher::Notify(const std::string& topic, const std::string& key,
                               const std::string& value, const std::stop_token& stop) {
  return Send({.topic = topic, .key = key, .value = value, .partition = std::nullopt},
              *last_offset_, stop);
}

absl::Duration Publisher::TimeToNextBeat() const {
  if (options_.heartbeat_interval <= absl::ZeroDuration()) return absl::Hours(24);
  return last_beat_ + options_.heartbeat_interval - parts_.clock.Monotonic();
}

absl::Status Publisher::Send(const sink::Record& record, const offsets::StoredOffset& offset,
                             const std::stop_token& stop, const event::ChangeEvent* event) {
  const size_t bytes = record.key.size() + (record.value.has_value() ? record.value->size() : 0);
  const auto size = static_cast<int64_t>(bytes);
  parts_.metrics.sent_records.Add();
  parts_.metrics.sent_bytes.Add(size);
  const uint64_t ticket = parts_.tracker.Open(offset, size);
  if (event != nullptr) parts_.large.Note(ticket, *event, size, parts_.tracker.settled());
  absl::Status sent = parts_.sink.Send(record, ticket, stop);
  // The listener has heard of it, and the tracker knows whether that ends the capture.
  return absl::IsResourceExhausted(sent) ? parts_.tracker.failure() : sent;
}

absl::Status Publisher::HandlePoison(const absl::Status& status) {
  if (options_.failure_mode == FailureMode::kFail) return status;
  parts_.metrics.skipped.Add();
  if (options_.failure_mode == FailureMode::kWarn) {
    const std::string why(status.message());
    base::LogDebug("passed over: {}", why);
    if (const auto line = poison_log_.Admit(why); line.has_value()) {
      base::LogWarn("passed over, as event.processing.failure.handling.mode=warn says: {}", *line);
    }
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

absl::Status Publisher::Encode(event::ChangeEvent* event, const Collection& collection) {
  if (collection.rules.active()) {
    if (event->document.present()) {
      SHARDTAIL_ASSIGN_OR_RETURN(event->document,
                                 collection.rules.Apply(event->document, document_));
    }
    if (event->filter.present()) {
      SHARDTAIL_ASSIGN_OR_RETURN(event->filter, collection.rules.Apply(event->filter, filter_));
    }
  }
  return parts_.encoder.Encode(*event, collection.record, parts_.clock.NowMillis(), &key_, &value_);
}

void Publisher::Count(event::Operation operation, metrics::OperationCounters& counters) {
  switch (operation) {
    case event::Operation::kRead:
      return counters.reads.Add();
    case event::Operation::kCreate:
      return counters.creates.Add();
    case event::Operation::kUpdate:
      return counters.updates.Add();
    case event::Operation::kDelete:
      return counters.deletes.Add();
  }
}

}  // namespace shardtail::pipeline
