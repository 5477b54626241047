#include "sink/kafka_sink.h"

#include <optional>

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::sink {
namespace {

constexpr absl::Duration kTopicTimeout = absl::Seconds(30);

}  // namespace

absl::StatusOr<std::unique_ptr<KafkaSink>> KafkaSink::Create(const kafka::Options& options,
                                                             sink::DeliveryListener& listener) {
  std::unique_ptr<KafkaSink> sink(new KafkaSink(options, listener));
  if (options.topic_partitions != 0 && options.topic_replication_factor != 0) {
    SHARDTAIL_ASSIGN_OR_RETURN(sink->admin_, kafka::Admin::Create(options));
  }
  SHARDTAIL_ASSIGN_OR_RETURN(sink->producer_, kafka::Producer::Create(options, *sink));
  return sink;
}

absl::Status KafkaSink::Send(const Record& record, Ticket ticket, const std::stop_token& stop) {
  absl::Status sent;
  if (admin_ != nullptr && last_topic_ != record.topic) {
    last_topic_ = record.topic;
    if (!topics_.contains(last_topic_)) sent = MakeTopic(last_topic_);
  }
  if (sent.ok()) {
    sent = producer_->Send({.topic = record.topic,
                            .key = record.key,
                            .value = record.value,
                            .partition = record.partition},
                           ticket, stop);
  }
  if (sent.ok() || absl::IsCancelled(sent)) return sent;
  listener_.OnFailed(ticket, sent);
  return sent;
}

absl::Status KafkaSink::MakeTopic(const std::string& topic) {
  // First whether it is there: the user may not be allowed to make topics.
  SHARDTAIL_ASSIGN_OR_RETURN(const auto found, admin_->Describe(topic, kTopicTimeout));
  if (!found.has_value()) {
    absl::Status made =
        admin_->CreateTopic({.name = topic,
                             .partitions = options_.topic_partitions,
                             .replication_factor = options_.topic_replication_factor,
                             .configuration = {}},
                            kTopicTimeout);
    if (made.ok()) {
      base::LogInfo("made topic {}", topic);
    } else if (!absl::IsAlreadyExists(made)) {
      return made;
    }
  }
  topics_.insert(topic);
  return absl::OkStatus();
}

}  // namespace shardtail::sink
