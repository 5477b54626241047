#include "kafka/producer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "kafka/client.h"
#include "kafka/producer_defaults.h"
#include "kafka/property_map.h"

namespace shardtail::kafka {
namespace {

// How long the delivery thread waits for an event; a stop request wakes it before that.
constexpr int kPollMilliseconds = 1000;

int64_t Number(const std::string& text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

int64_t Size(size_t key, size_t value) {
  return static_cast<int64_t>(key + value) + kRecordOverhead;
}

void* ToOpaque(uint64_t ticket) {
  static_assert(sizeof(void*) >= sizeof(uint64_t));
  return reinterpret_cast<void*>(ticket);  // a number that librdkafka carries along
}

uint64_t ToTicket(const rd_kafka_message_t& message) {
  return reinterpret_cast<uint64_t>(message._private);
}

std::string_view Remedy(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return "; raise max.message.bytes of the topic, or message.max.bytes of the brokers";
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      return "; create the topic, or set topic.creation.default.partitions and "
             "topic.creation.default.replication.factor, or auto.create.topics.enable of the "
             "brokers";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return "; allow WRITE (and CREATE, where topics are made) for this user";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return "; allow IDEMPOTENT_WRITE on the cluster for this user";
    default:
      return "";
  }
}

}  // namespace

struct Producer::Connection {
  Connection(ClientHandle made, DeliveryListener& heard_by, int64_t bytes, int64_t largest)
      : client(std::move(made)), listener(heard_by), queue_bytes(bytes), largest_record(largest) {}

  absl::StatusOr<rd_kafka_topic_t*> Topic(std::string_view name);
  absl::Status Produce(rd_kafka_topic_t* topic, const ProducerRecord& record, uint64_t ticket,
                       const std::stop_token& stop);
  absl::Status Failure(rd_kafka_resp_err_t code, const std::string& what) const;

  // The sender waits until `ready`, which looks at the settled counters.
  template <typename Ready>
  absl::Status Wait(const std::stop_token& stop, Ready ready);

  void Deliver(const std::stop_token& stop);  // the delivery thread
  void HandleReports(EventHandle event);
  void HandleError(rd_kafka_event_t* event);

  const ClientHandle client;
  DeliveryListener& listener;
  const int64_t queue_bytes;
  const int64_t largest_record;

  // The sender's.
  std::unordered_map<std::string, TopicHandle> topics;  // destroyed before the client
  std::string last_name;                                // most records go where the one before went
  rd_kafka_topic_t* last_topic = nullptr;
  int64_t sent_bytes = 0;
  std::atomic<int64_t> sent_records = 0;

  // The delivery thread's.
  std::vector<const rd_kafka_message_t*> messages;
  std::vector<uint64_t> delivered;
  bool brokers_down = false;

  // Written by the delivery thread with the mutex held, so that no wait misses a change.
  std::mutex mutex;
  std::condition_variable_any settled;
  std::atomic<int64_t> settled_records = 0;
  std::atomic<int64_t> settled_bytes = 0;

  std::jthread delivery;  // last: it ends before the rest goes
};

absl::StatusOr<rd_kafka_topic_t*> Producer::Connection::Topic(std::string_view name) {
  if (last_topic != nullptr && last_name == name) return last_topic;
  last_name = name;
  auto found = topics.find(last_name);
  if (found == topics.end()) {
    TopicHandle made(rd_kafka_topic_new(client.get(), last_name.c_str(), nullptr));
    if (made == nullptr) {
      last_topic = nullptr;
      return ToStatus(rd_kafka_last_error(), fmt::format("topic '{}'", name));
    }
    found = topics.emplace(last_name, std::move(made)).first;
  }
  last_topic = found->second.get();
  return last_topic;
}

template <typename Ready>
absl::Status Producer::Connection::Wait(const std::stop_token& stop, Ready ready) {
  std::unique_lock lock(mutex);
  if (settled.wait(lock, stop, ready)) return absl::OkStatus();
  return absl::CancelledError("stopped while waiting for Kafka to take more");
}

absl::Status Producer::Connection::Produce(rd_kafka_topic_t* topic, const ProducerRecord& record,
                                           uint64_t ticket, const std::stop_token& stop) {
  // librdkafka only reads them, and tells a tombstone from an empty value by the pointer.
  const bool tombstone = !record.value.has_value();
  const std::string_view value = record.value.value_or(std::string_view());
  void* const payload = tombstone ? nullptr : const_cast<char*>(value.data() ? value.data() : "");
  while (true) {
    const int64_t before = settled_records.load(std::memory_order_acquire);
    if (rd_kafka_produce(topic, record.partition.value_or(RD_KAFKA_PARTITION_UA),
                         RD_KAFKA_MSG_F_COPY, payload, value.size(), record.key.data(),
                         record.key.size(), ToOpaque(ticket)) == 0) {
      return absl::OkStatus();
    }
    const rd_kafka_resp_err_t code = rd_kafka_last_error();
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
      return absl::FailedPreconditionError(fmt::format(
          "a record of {} bytes for topic {} is larger than max.request.size, {}; raise it with "
          "producer.override.max.request.size, and the limit of the brokers",
          record.key.size() + value.size(), record.topic, largest_record));
    }
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return Failure(code, fmt::format("cannot send to topic {}", record.topic));
    }
    // Only where queue.buffering.max.messages is set: the bytes have been waited for.
    SHARDTAIL_RETURN_IF_ERROR(Wait(stop, [&] { return settled_records.load() != before; }));
  }
}

absl::Status Producer::Connection::Failure(rd_kafka_resp_err_t code,
                                           const std::string& what) const {
  if (code != RD_KAFKA_RESP_ERR__FATAL) {
    return ToStatus(code, what, fmt::format("{}{}", rd_kafka_err2str(code), Remedy(code)));
  }
  std::array<char, 512> text{};
  const rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client.get(), text.data(), text.size());
  return ToStatus(cause, what, text.data());
}

void Producer::Connection::Deliver(const std::stop_token& stop) {
  const QueueHandle queue(rd_kafka_queue_get_main(client.get()));
  const std::stop_callback wake(stop, [&queue] { rd_kafka_queue_yield(queue.get()); });
  while (!stop.stop_requested()) {
    EventHandle event(rd_kafka_queue_poll(queue.get(), kPollMilliseconds));
    switch (rd_kafka_event_type(event.get())) {
      case RD_KAFKA_EVENT_DR:
        HandleReports(std::move(event));
        break;
      case RD_KAFKA_EVENT_ERROR:
        HandleError(event.get());
        break;
      default:
        break;
    }
  }
}

void Producer::Connection::HandleReports(EventHandle event) {
  messages.resize(rd_kafka_event_message_count(event.get()));
  const size_t count = rd_kafka_event_message_array(event.get(), messages.data(), messages.size());
  delivered.clear();
  int64_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_message_t& message = *messages[i];
    bytes += Size(message.key_len, message.len);
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      delivered.push_back(ToTicket(message));
    } else {
      listener.OnFailed(ToTicket(message),
                        Failure(message.err, fmt::format("a record for topic {} was not delivered",
                                                         rd_kafka_topic_name(message.rkt))));
    }
  }
  if (!delivered.empty()) {
    listener.OnDelivered(delivered);
    if (std::exchange(brokers_down, false)) base::LogInfo("Kafka answers again");
  }
  // Before the counters: only then is there room in librdkafka's own queue.
  event.reset();
  {
    const std::lock_guard lock(mutex);
    settled_records.fetch_add(static_cast<int64_t>(count), std::memory_order_release);
    settled_bytes.fetch_add(bytes, std::memory_order_release);
  }
  settled.notify_all();
}

void Producer::Connection::HandleError(rd_kafka_event_t* event) {
  const char* const text = rd_kafka_event_error_string(event);
  if (rd_kafka_event_error_is_fatal(event) != 0) {
    base::LogError("the Kafka producer can go on no more: {}", text);
    return;
  }
  switch (rd_kafka_event_error(event)) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      if (!std::exchange(brokers_down, true)) {
        base::LogError("no Kafka broker answers: events wait, and none is lost. {}", text);
      }
      break;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      base::LogError("Kafka refuses the credentials, check sasl.mechanism and sasl.jaas.config: {}",
                     text);
      break;
    default:
      // librdkafka tries again, and has written it to its log.
      base::LogDebug("Kafka producer: {}", text);
  }
}

Producer::Producer(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {
  connection_->delivery = std::jthread(
      [connection = connection_.get()](const std::stop_token& stop) { connection->Deliver(stop); });
}

Producer::~Producer() = default;

absl::StatusOr<std::unique_ptr<Producer>> Producer::Create(const Options& options,
                                                           DeliveryListener& listener) {
  Translation translation = TranslateForProducer(options);
  // librdkafka refuses a record that is larger than its queue. So ours is bounded here, and its own
  // has room for one more of the largest.
  std::string& queue_kilobytes = translation.values["queue.buffering.max.kbytes"];
  const int64_t queue_bytes =
      queue_kilobytes.empty() ? kQueueBytes : Number(queue_kilobytes) * 1024;
  const int64_t largest = Number(translation.values["message.max.bytes"]);
  queue_kilobytes =
      fmt::format("{}", std::min<int64_t>((queue_bytes + largest) / 1024 + 1, INT32_MAX));
  // The number of records is bounded by kRecordOverhead.
  translation.values.try_emplace("queue.buffering.max.messages", "0");
  SHARDTAIL_ASSIGN_OR_RETURN(
      ClientHandle client,
      NewClient(RD_KAFKA_PRODUCER, translation, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR));
  return std::unique_ptr<Producer>(new Producer(
      std::make_unique<Connection>(std::move(client), listener, queue_bytes, largest)));
}

absl::Status Producer::Send(const ProducerRecord& record, uint64_t ticket,
                            const std::stop_token& stop) {
  Connection& connection = *connection_;
  SHARDTAIL_ASSIGN_OR_RETURN(rd_kafka_topic_t* const topic, connection.Topic(record.topic));
  const auto has_room = [&connection] {
    return connection.sent_bytes - connection.settled_bytes.load(std::memory_order_acquire) <
           connection.queue_bytes;
  };
  if (!has_room()) SHARDTAIL_RETURN_IF_ERROR(connection.Wait(stop, has_room));
  // Before the call: the report may come before it returns.
  const int64_t size = Size(record.key.size(), record.value.has_value() ? record.value->size() : 0);
  connection.sent_bytes += size;
  connection.sent_records.fetch_add(1, std::memory_order_relaxed);
  absl::Status sent = connection.Produce(topic, record, ticket, stop);
  if (!sent.ok()) {
    connection.sent_bytes -= size;
    connection.sent_records.fetch_sub(1, std::memory_order_relaxed);
  }
  return sent;
}

absl::Status Producer::Flush(absl::Duration timeout) {
  Connection& connection = *connection_;
  const absl::Duration deadline = base::Clock::Real().Monotonic() + timeout;
  // Sends what waits for its batch to fill. It waits for librdkafka's own count; what follows, for
  // the listener to have heard.
  rd_kafka_flush(connection.client.get(), ToMilliseconds(timeout));
  const std::chrono::milliseconds left(ToMilliseconds(deadline - base::Clock::Real().Monotonic()));
  std::unique_lock lock(connection.mutex);
  if (connection.settled.wait_for(lock, left, [this] { return InFlightRecords() == 0; })) {
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError(fmt::format("{} records were not acknowledged by Kafka in {}",
                                                 InFlightRecords(), absl::FormatDuration(timeout)));
}

int64_t Producer::InFlightRecords() const {
  // In this order: what is settled was sent before.
  const int64_t settled = connection_->settled_records.load(std::memory_order_acquire);
  return connection_->sent_records.load(std::memory_order_relaxed) - settled;
}

}  // namespace shardtail::kafka
