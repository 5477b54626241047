#include "kafka/admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "kafka/client.h"
#include "kafka/property_map.h"

namespace shardtail::kafka {

struct Admin::Connection {
  std::string bootstrap_servers;
  ClientHandle client;

  AdminOptionsHandle RequestOptions(rd_kafka_admin_op_t operation, absl::Duration timeout) const;
};

namespace {

// One request's answer. A queue for each, as requests of other threads may be under way; the main
// queue has the errors.
class Answer {
 public:
  explicit Answer(const ClientHandle& client) : queue_(rd_kafka_queue_new(client.get())) {}

  rd_kafka_queue_t* queue() const { return queue_.get(); }

  EventHandle Wait(absl::Duration timeout) const {
    // The request has the timeout; the answer says when it was over.
    return EventHandle(
        rd_kafka_queue_poll(queue_.get(), ToMilliseconds(timeout + absl::Seconds(1))));
  }

 private:
  const QueueHandle queue_;
};

}  // namespace

AdminOptionsHandle Admin::Connection::RequestOptions(rd_kafka_admin_op_t operation,
                                                     absl::Duration timeout) const {
  AdminOptionsHandle options(rd_kafka_AdminOptions_new(client.get(), operation));
  std::array<char, 256> text{};
  // librdkafka takes an hour at most.
  const int milliseconds = std::min(ToMilliseconds(timeout), 3'600'000);
  rd_kafka_AdminOptions_set_request_timeout(options.get(), milliseconds, text.data(), text.size());
  return options;
}

Admin::Admin(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Admin::~Admin() = default;

absl::StatusOr<std::unique_ptr<Admin>> Admin::Create(const Options& options) {
  auto connection = std::make_unique<Connection>();
  connection->bootstrap_servers = options.bootstrap_servers;
  // A consumer: a producer's question about a topic may make it.
  SHARDTAIL_ASSIGN_OR_RETURN(
      connection->client,
      NewClient(RD_KAFKA_CONSUMER, TranslateForOtherClients(options), RD_KAFKA_EVENT_ERROR));
  return std::unique_ptr<Admin>(new Admin(std::move(connection)));
}

absl::StatusOr<std::vector<std::string>> Admin::Brokers(absl::Duration timeout,
                                                        const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(
      const MetadataHandle metadata,
      FetchMetadata(connection_->client.get(), "", connection_->bootstrap_servers, timeout, stop));
  std::vector<std::string> brokers;
  for (int i = 0; i < metadata->broker_cnt; ++i) {
    const rd_kafka_metadata_broker_t& broker = metadata->brokers[i];
    brokers.push_back(fmt::format("{}:{}", broker.host, broker.port));
  }
  std::ranges::sort(brokers);
  return brokers;
}

absl::StatusOr<std::optional<TopicDescription>> Admin::Describe(const std::string& topic,
                                                                absl::Duration timeout) {
  SHARDTAIL_ASSIGN_OR_RETURN(
      const MetadataHandle metadata,
      FetchMetadata(connection_->client.get(), topic, connection_->bootstrap_servers, timeout, {}));
  if (metadata->topic_cnt != 1) return absl::InternalError("metadata without the topic");
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return std::nullopt;
  SHARDTAIL_RETURN_IF_ERROR(ToStatus(found.err, fmt::format("topic {}", topic)));
  TopicDescription description{.partitions = found.partition_cnt};
  if (found.partition_cnt > 0) description.replication_factor = found.partitions[0].replica_cnt;
  return description;
}

absl::StatusOr<std::string> Admin::CleanupPolicy(const std::string& topic, absl::Duration timeout) {
  const std::string what = fmt::format("cannot ask for the configuration of topic {}", topic);
  const ConfigResourceHandle resource(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  const AdminOptionsHandle options =
      connection_->RequestOptions(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout);
  rd_kafka_ConfigResource_t* resources[] = {resource.get()};
  const Answer answer(connection_->client);
  rd_kafka_DescribeConfigs(connection_->client.get(), resources, 1, options.get(), answer.queue());
  const EventHandle event = answer.Wait(timeout);
  const rd_kafka_DescribeConfigs_result_t* const result =
      rd_kafka_event_DescribeConfigs_result(event.get());
  if (result == nullptr) return ToStatus(RD_KAFKA_RESP_ERR__TIMED_OUT, what);
  SHARDTAIL_RETURN_IF_ERROR(ToStatus(rd_kafka_event_error(event.get()), what));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** const described =
      rd_kafka_DescribeConfigs_result_resources(result, &count);
  if (count != 1) return absl::InternalError("an answer without the topic");
  SHARDTAIL_RETURN_IF_ERROR(ToStatus(rd_kafka_ConfigResource_error(described[0]), what));
  const rd_kafka_ConfigEntry_t** const entries =
      rd_kafka_ConfigResource_configs(described[0], &count);
  for (size_t i = 0; i < count; ++i) {
    const std::string_view name = rd_kafka_ConfigEntry_name(entries[i]);
    const char* const value = rd_kafka_ConfigEntry_value(entries[i]);
    if (name == "cleanup.policy" && value != nullptr) return value;
  }
  return absl::InternalError(what + ": it has no cleanup.policy");
}

absl::Status Admin::CreateTopic(const NewTopic& topic, absl::Duration timeout) {
  const std::string what = fmt::format("cannot create topic {} with {} partitions and {} replicas",
                                       topic.name, topic.partitions, topic.replication_factor);
  std::array<char, 512> text{};
  const NewTopicHandle request(rd_kafka_NewTopic_new(
      topic.name.c_str(), topic.partitions, topic.replication_factor, text.data(), text.size()));
  if (request == nullptr) return ToStatus(RD_KAFKA_RESP_ERR__INVALID_ARG, what, text.data());
  for (const auto& [name, value] : topic.configuration) {
    rd_kafka_NewTopic_set_config(request.get(), name.c_str(), value.c_str());
  }
  // Tells an unreachable broker from one that refuses.
  SHARDTAIL_RETURN_IF_ERROR(
      FetchMetadata(connection_->client.get(), "", connection_->bootstrap_servers, timeout, {})
          .status());
  const AdminOptionsHandle options =
      connection_->RequestOptions(RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout);
  rd_kafka_NewTopic_t* topics[] = {request.get()};
  const Answer answer(connection_->client);
  rd_kafka_CreateTopics(connection_->client.get(), topics, 1, options.get(), answer.queue());
  const EventHandle event = answer.Wait(timeout);
  const rd_kafka_CreateTopics_result_t* const result =
      rd_kafka_event_CreateTopics_result(event.get());
  if (result == nullptr) return ToStatus(RD_KAFKA_RESP_ERR__TIMED_OUT, what);
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return ToStatus(rd_kafka_event_error(event.get()), what,
                    rd_kafka_event_error_string(event.get()));
  }
  size_t count = 0;
  const rd_kafka_topic_result_t** const results =
      rd_kafka_CreateTopics_result_topics(result, &count);
  if (count != 1) return absl::InternalError("an answer without the topic");
  const char* const reason = rd_kafka_topic_result_error_string(results[0]);
  return ToStatus(rd_kafka_topic_result_error(results[0]), what, reason == nullptr ? "" : reason);
}

}  // namespace shardtail::kafka
