#include "kafka/topic_follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "kafka/client.h"
#include "kafka/property_map.h"

namespace shardtail::kafka {
namespace {

constexpr int kPollMilliseconds = 100;

// For one question to a broker; it cannot be interrupted.
constexpr absl::Duration kPatience = absl::Seconds(1);

// For an offset to be stored; and when a stop is asked for meanwhile.
constexpr absl::Duration kCommitPatience = absl::Seconds(10);
constexpr absl::Duration kLastPatience = absl::Seconds(5);

// Before what failed is tried again.
constexpr absl::Duration kWait = absl::Seconds(1);

using PartitionsHandle =
    base::Handle<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;

std::optional<std::string_view> ViewOf(const void* data, size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

}  // namespace

struct TopicFollower::Connection {
  ~Connection() {
    thread = {};
    // It is no member of its group, so there is nothing to leave; and leaving waits for the broker.
    rd_kafka_destroy_flags(client.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }

  std::string bootstrap_servers;
  Source source;
  Function function;
  ClientHandle client;
  std::jthread thread;

  void Run(const std::stop_token& stop);
  // Until `stop`, or the reason why it cannot go on and must begin anew.
  absl::Status Follow(const std::stop_token& stop);
  // All partitions that the topic has, each from the group's offset.
  absl::Status Assign(const std::stop_token& stop);
  void Store(const rd_kafka_message_t& message, const std::stop_token& stop) const;
  rd_kafka_resp_err_t Commit(const rd_kafka_message_t& message, const std::stop_token& stop) const;
  // Errors of brokers, which librdkafka's log tells as well: they would else pile up.
  void DropEvents() const;
};

void TopicFollower::Connection::Run(const std::stop_token& stop) {
  std::string said;
  while (!stop.stop_requested()) {
    const absl::Status status = Follow(stop);
    if (stop.stop_requested()) break;
    const std::string text(status.message());
    // Once, not at each attempt.
    if (text != said) base::LogWarn("{}; it is tried again", text);
    said = text;
    base::Clock::Real().Sleep(kWait, stop);
  }
}

absl::Status TopicFollower::Connection::Assign(const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(
      const MetadataHandle metadata,
      FetchMetadata(client.get(), source.topic, bootstrap_servers, kPatience, stop));
  if (metadata->topic_cnt != 1) return absl::InternalError("metadata without the topic");
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || found.partition_cnt == 0) {
    return absl::NotFoundError(
        fmt::format("there is no topic {} to follow; create it", source.topic));
  }
  SHARDTAIL_RETURN_IF_ERROR(
      ToStatus(found.err, fmt::format("cannot follow topic {}", source.topic)));
  const PartitionsHandle partitions(rd_kafka_topic_partition_list_new(found.partition_cnt));
  for (int i = 0; i < found.partition_cnt; ++i) {
    rd_kafka_topic_partition_list_add(partitions.get(), source.topic.c_str(),
                                      found.partitions[i].id);
  }
  return ToStatus(rd_kafka_assign(client.get(), partitions.get()),
                  fmt::format("cannot follow topic {}", source.topic));
}

rd_kafka_resp_err_t TopicFollower::Connection::Commit(const rd_kafka_message_t& message,
                                                      const std::stop_token& stop) const {
  const PartitionsHandle next(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(next.get(), source.topic.c_str(), message.partition)->offset =
      message.offset + 1;
  // Not the call that waits: without a broker it does so for minutes, whoever wants to stop.
  const QueueHandle answers(rd_kafka_queue_new(client.get()));
  const rd_kafka_resp_err_t code =
      rd_kafka_commit_queue(client.get(), next.get(), answers.get(), nullptr, nullptr);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
  const absl::Duration begin = base::Clock::Real().Monotonic();
  while (base::Clock::Real().Monotonic() - begin <
         (stop.stop_requested() ? kLastPatience : kCommitPatience)) {
    const EventHandle answer(rd_kafka_queue_poll(answers.get(), kPollMilliseconds));
    if (answer != nullptr) return rd_kafka_event_error(answer.get());
  }
  return RD_KAFKA_RESP_ERR__TIMED_OUT;
}

void TopicFollower::Connection::Store(const rd_kafka_message_t& message,
                                      const std::stop_token& stop) const {
  const rd_kafka_resp_err_t code = Commit(message, stop);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  base::LogWarn(
      "the offset {} of consumer group {} in partition {} of topic {} is not stored, so the record "
      "may come again: {}",
      message.offset, source.group, message.partition, source.topic, rd_kafka_err2str(code));
}

void TopicFollower::Connection::DropEvents() const {
  const QueueHandle queue(rd_kafka_queue_get_main(client.get()));
  while (const EventHandle event{rd_kafka_queue_poll(queue.get(), 0)}) {
  }
}

absl::Status TopicFollower::Connection::Follow(const std::stop_token& stop) {
  SHARDTAIL_RETURN_IF_ERROR(Assign(stop));
  while (!stop.stop_requested()) {
    const MessageHandle message(
        rd_kafka_consumer_poll(client.get(), ToMilliseconds(source.poll_timeout)));
    if (message == nullptr) {
      DropEvents();
      continue;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const char* const text = rd_kafka_message_errstr(message.get());
      return ToStatus(message->err, fmt::format("cannot read topic {}", source.topic),
                      text == nullptr ? "" : text);
    }
    SHARDTAIL_RETURN_IF_ERROR(function({.key = ViewOf(message->key, message->key_len),
                                        .value = ViewOf(message->payload, message->len),
                                        .partition = message->partition,
                                        .offset = message->offset}));
    Store(*message, stop);
  }
  return absl::OkStatus();
}

TopicFollower::TopicFollower(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}
TopicFollower::~TopicFollower() = default;

absl::StatusOr<std::unique_ptr<TopicFollower>> TopicFollower::Create(const Options& options,
                                                                     Source source,
                                                                     Function function) {
  Translation translation = TranslateForOtherClients(options);
  translation.values["group.id"] = source.group;
  translation.values["isolation.level"] = "read_committed";
  translation.values["enable.auto.commit"] = "false";
  translation.values["auto.offset.reset"] = "earliest";
  // It is no member of the group. But a commit that waits for the group's coordinator does so for
  // this long (45 s by default), and the end of the client for it (librdkafka 2.0,
  // rd_kafka_cgrp_defer_offset_commit()).
  translation.values["session.timeout.ms"] = "3000";
  translation.values["heartbeat.interval.ms"] = "1000";
  SHARDTAIL_ASSIGN_OR_RETURN(ClientHandle client,
                             NewClient(RD_KAFKA_CONSUMER, translation, RD_KAFKA_EVENT_ERROR));
  auto connection = std::make_unique<Connection>();
  connection->bootstrap_servers = options.bootstrap_servers;
  connection->source = std::move(source);
  connection->function = std::move(function);
  connection->client = std::move(client);
  connection->thread = std::jthread(
      [running = connection.get()](const std::stop_token& stop) { running->Run(stop); });
  return std::unique_ptr<TopicFollower>(new TopicFollower(std::move(connection)));
}

}  // namespace shardtail::kafka
