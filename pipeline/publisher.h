#ifndef SHARDTAIL_PIPELINE_PUBLISHER_H_
#define SHARDTAIL_PIPELINE_PUBLISHER_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/log_throttle.h"
#include "encoding/json_encoder.h"
#include "encoding/metadata_json.h"
#include "event/change_event.h"
#include "filter/field_filter.h"
#include "filter/namespace_filter.h"
#include "metrics/pipeline_metrics.h"
#include "offsets/ack_tracker.h"
#include "pipeline/large_records.h"
#include "pipeline/options.h"
#include "pipeline/transaction_monitor.h"
#include "sink/sink.h"

namespace shardtail::pipeline {

// The way of one replica set's events from the decoder to the sink: filter, encode, open in the
// AckTracker, send. One thread at a time.
//
// The rule it keeps: an offset is opened in the tracker before its record is sent, in the order of
// the calls, and every event that a filter drops is passed on as an offset too.
class Publisher {
 public:
  // What a Publisher borrows; all must outlive it.
  struct Parts {
    const filter::NamespaceFilter& namespace_filter;
    const filter::FieldFilter& field_filter;
    const encoding::JsonEncoder& encoder;
    const encoding::MetadataJson& metadata;
    sink::Sink& sink;
    offsets::AckTracker& tracker;
    LargeRecords& large;
    base::Clock& clock;
    metrics::PipelineMetrics& metrics;
  };

  Publisher(Parts parts, Options options, std::string replica_set);

  // Hands one event over; `offset` may be stored once it is delivered. Waits while the sink is
  // full.
  //   kDataLoss   the event cannot be encoded and event.processing.failure.handling.mode is `fail`
  //   kCancelled  `stop` was requested
  // One that is too large for Kafka may come out later, where the delivery is told of.
  //   others      the sink is of no use any more
  absl::Status Publish(const event::ChangeEvent& event, const offsets::StoredOffset& offset,
                       const std::stop_token& stop);

  // Everything up to `offset` was handled.
  void Pass(const offsets::StoredOffset& offset);

  // The offset that the last event or Pass() left: what may be stored when all is delivered.
  const std::optional<offsets::StoredOffset>& last_offset() const { return last_offset_; }

  // Goes on after `offset`, from which a stream starts: also in the middle of a transaction's
  // counts.
  void Resume(const offsets::StoredOffset& offset);

  // With transaction metadata: the transaction under way, if any, is known to have ended.
  absl::Status EndTransaction(const std::stop_token& stop);

  // Sends a heartbeat when heartbeat.interval.ms is over.
  absl::Status BeatWhenDue(const std::stop_token& stop);

  // Sends a record that is no event.
  absl::Status Notify(const std::string& topic, const std::string& key, const std::string& value,
                      const std::stop_token& stop);

  // How long until the next heartbeat is due; a long time without heartbeats.
  absl::Duration TimeToNextBeat() const;

  // An entry or event that cannot be turned into a record, by the failure mode: the status itself
  // (fail), or OK, logged (warn) and counted.
  absl::Status HandlePoison(const absl::Status& status);

  // Whether the collection is captured.
  absl::StatusOr<bool> Captures(const event::Namespace& ns);

 private:
  // What is remembered of each namespace that was seen.
  struct Collection {
    bool captured = false;
    encoding::CollectionTemplate record;
    filter::FieldFilter::Rules rules;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  absl::StatusOr<Collection*> Find(const event::Namespace& ns);
  // Applies the field rules to the event, and encodes it into key_ and value_.
  absl::Status Encode(event::ChangeEvent* event, const Collection& collection);
  // Begins a transaction where the event is the first of one, and counts it.
  absl::Status Monitor(event::ChangeEvent* event, const std::stop_token& stop);
  // `event`: whose record it is; null for the metadata's own.
  absl::Status Send(const sink::Record& record, const offsets::StoredOffset& offset,
                    const std::stop_token& stop, const event::ChangeEvent* event = nullptr);
  static void Count(event::Operation operation, metrics::OperationCounters& counters);

  const Parts parts_;
  const Options options_;
  const std::string replica_set_;
  std::unordered_map<std::string, std::unique_ptr<Collection>, Hash, std::equal_to<>> collections_;
  std::string last_name_;  // of the event before: most events come in runs of one collection
  Collection* last_ = nullptr;
  std::unordered_map<std::string, std::string> topics_;  // topic → first collection, for collisions
  TransactionMonitor monitor_;
  std::optional<offsets::StoredOffset> last_offset_;
  base::LogThrottle poison_log_;
  absl::Duration last_beat_;  // by the monotonic clock
  std::string key_;
  std::string value_;
  bson::Builder document_;  // what the field rules leave of the event's document
  bson::Builder filter_;    // and of its filter
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_PUBLISHER_H_
