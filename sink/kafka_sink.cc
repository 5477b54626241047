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
  if (admin_ != nullptr && !Knows(record.topic)) {
    SHARDTAIL_RETURN_IF_ERROR(MakeTopic(std::string(record.topic)));
  }
  absl::Status sent = producer_->Send({.topic = record.topic,
                                       .key = record.key,
                                       .value = record.value,
                                       .partition = record.partition},
                                      ticket, stop);
  if (!sent.ok() && !absl::IsCancelled(sent)) ForgetTopics();
  return sent;
}

bool KafkaSink::Knows(std::string_view topic) const {
  const std::shared_lock lock(topics_mutex_);
  return topics_.contains(topic);
}

void KafkaSink::ForgetTopics() {
  const std::lock_guard lock(topics_mutex_);
  topics_.clear();
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
  const std::lock_guard lock(topics_mutex_);
  topics_.insert(topic);
  return absl::OkStatus();
}

}  // namespace shardtail::sink
