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

// Where a sender waits for room and nothing is delivered for so long, what waits for its batch to
// fill is sent as it is.
constexpr std::chrono::milliseconds kFullPause(5);

// How long a topic that librdkafka holds for missing is asked for once more: the wait cannot be
// interrupted.
constexpr int kLookUpMilliseconds = 1000;

// How long a push lasts: what is sent meanwhile does not linger either. It ends with the last
// delivery, and waits no longer for brokers that are slow or away.
constexpr int kPushMilliseconds = 10;

// Most records go to few topics: these are found without a lock. A power of two.
constexpr size_t kCachedTopics = 256;

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

// A topic's handle, for as long as the producer lives.
struct Topic {
  std::string name;
  TopicHandle handle;
};

struct Producer::Connection {
  Connection(ClientHandle made, DeliveryListener& heard_by, int64_t bytes, int64_t largest,
             int64_t batch)
      : client(std::move(made)),
        listener(heard_by),
        queue_bytes(bytes),
        largest_record(largest),
        batch_bytes(batch) {}

  absl::StatusOr<rd_kafka_topic_t*> FindTopic(std::string_view name);
  absl::Status Produce(rd_kafka_topic_t* topic, const ProducerRecord& record, uint64_t ticket,
                       const std::stop_token& stop);
  // Asks the brokers once more for a topic that was held for missing.
  void LookUp(rd_kafka_topic_t* topic) const;
  absl::Status Failure(rd_kafka_resp_err_t code, const std::string& what);
  // Why the record was not delivered.
  absl::Status Refusal(const rd_kafka_message_t& message);

  // A sender waits until `ready`, which looks at the settled counters.
  template <typename Ready>
  absl::Status Wait(const std::stop_token& stop, Ready ready);

  void Deliver(const std::stop_token& stop);  // the delivery thread
  void AskForPush();
  void Push(const std::stop_token& stop);  // the pushing thread
  void HandleReports(EventHandle event);
  void HandleError(rd_kafka_event_t* event);

  const ClientHandle client;
  DeliveryListener& listener;
  const int64_t queue_bytes;
  const int64_t largest_record;
  const int64_t batch_bytes;

  // The senders'. A topic that was found once stays: the cache points to it.
  std::mutex topics_mutex;                                               // guards topics
  std::unordered_map<std::string_view, std::unique_ptr<Topic>> topics;   // goes before the client
  std::array<std::atomic<const Topic*>, kCachedTopics> cached_topics{};  // by the name's hash
  std::atomic<int64_t> sent_bytes = 0;
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

  std::mutex failure_mutex;  // guards failure
  absl::Status failure;
  std::atomic<bool> failed = false;  // set after failure; asked for every batch

  std::mutex push_mutex;  // guards push_wanted
  std::condition_variable_any push_asked;
  bool push_wanted = false;

  std::jthread pushing;   // none: the user has said how long a record may wait
  std::jthread delivery;  // last: it ends before the rest goes
};

absl::StatusOr<rd_kafka_topic_t*> Producer::Connection::FindTopic(std::string_view name) {
  auto& cached = cached_topics[std::hash<std::string_view>()(name) & (kCachedTopics - 1)];
  const Topic* const last = cached.load(std::memory_order_acquire);
  if (last != nullptr && last->name == name) return last->handle.get();
  const std::lock_guard lock(topics_mutex);
  auto found = topics.find(name);
  if (found == topics.end()) {
    auto made = std::make_unique<Topic>();
    made->name = name;
    made->handle.reset(rd_kafka_topic_new(client.get(), made->name.c_str(), nullptr));
    if (made->handle == nullptr) {
      return ToStatus(rd_kafka_last_error(), fmt::format("topic '{}'", name));
    }
    const std::string_view key = made->name;
    found = topics.emplace(key, std::move(made)).first;
  }
  cached.store(found->second.get(), std::memory_order_release);
  return found->second->handle.get();
}

void Producer::Connection::LookUp(rd_kafka_topic_t* topic) const {
  const rd_kafka_metadata_t* metadata = nullptr;
  // librdkafka learns from the answer; what it says comes out at the next attempt to send.
  if (rd_kafka_metadata(client.get(), 0, topic, &metadata, kLookUpMilliseconds) ==
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    const MetadataHandle answer(metadata);
  }
}

template <typename Ready>
absl::Status Producer::Connection::Wait(const std::stop_token& stop, Ready ready) {
  std::unique_lock lock(mutex);
  int64_t before = 0;
  do {
    before = settled_records.load();
    if (settled.wait_for(lock, stop, kFullPause, ready)) return absl::OkStatus();
  } while (settled_records.load() != before && !stop.stop_requested());
  // Of many partitions none may have enough for a batch.
  AskForPush();
  if (settled.wait(lock, stop, ready)) return absl::OkStatus();
  return absl::CancelledError("stopped while waiting for Kafka to take more");
}

absl::Status Producer::Connection::Produce(rd_kafka_topic_t* topic, const ProducerRecord& record,
                                           uint64_t ticket, const std::stop_token& stop) {
  // librdkafka only reads them, and tells a tombstone from an empty value by the pointer.
  const bool tombstone = !record.value.has_value();
  const std::string_view value = record.value.value_or(std::string_view());
  void* const payload = tombstone ? nullptr : const_cast<char*>(value.data() ? value.data() : "");
  bool looked_up = false;
  while (true) {
    const int64_t before = settled_records.load(std::memory_order_acquire);
    if (rd_kafka_produce(topic, record.partition.value_or(RD_KAFKA_PARTITION_UA),
                         RD_KAFKA_MSG_F_COPY, payload, value.size(), record.key.data(),
                         record.key.size(), ToOpaque(ticket)) == 0) {
      return absl::OkStatus();
    }
    const rd_kafka_resp_err_t code = rd_kafka_last_error();
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
      return absl::ResourceExhaustedError(fmt::format(
          "a record of {} bytes for topic {} is larger than max.request.size, {}; raise it with "
          "producer.override.max.request.size, and the limit of the brokers",
          record.key.size() + value.size(), record.topic, largest_record));
    }
    if (code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC && !std::exchange(looked_up, true)) {
      // It may have been made since: this producer lives on after a missing topic.
      LookUp(topic);
      continue;
    }
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return Failure(code, fmt::format("cannot send to topic {}", record.topic));
    }
    // Where queue.buffering.max.messages is set, or several senders saw the same room.
    SHARDTAIL_RETURN_IF_ERROR(Wait(stop, [&] { return settled_records.load() != before; }));
  }
}

absl::Status Producer::Connection::Failure(rd_kafka_resp_err_t code, const std::string& what) {
  if (code != RD_KAFKA_RESP_ERR__FATAL) {
    return ToStatus(code, what, fmt::format("{}{}", rd_kafka_err2str(code), Remedy(code)));
  }
  std::array<char, 512> text{};
  const rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client.get(), text.data(), text.size());
  absl::Status status = ToStatus(cause, what, text.data());
  const std::lock_guard lock(failure_mutex);
  if (!failed.load(std::memory_order_relaxed)) {
    failure = status;
    failed.store(true, std::memory_order_release);
  }
  return status;
}

absl::Status Producer::Connection::Refusal(const rd_kafka_message_t& message) {
  const auto size = static_cast<int64_t>(message.key_len + message.len);
  const bool too_large = message.err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
                         message.err == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
  absl::Status status =
      Failure(message.err, fmt::format("a record of {} bytes for topic {} was not delivered", size,
                                       rd_kafka_topic_name(message.rkt)));
  if (!too_large) return status;
  // A batch that is full takes no other record; a smaller one may have been refused for its
  // neighbours.
  if (size > batch_bytes) return absl::ResourceExhaustedError(status.message());
  return absl::Status(status.code(),
                      fmt::format("{}, or set producer.override.batch.size, {}, below that limit",
                                  std::string(status.message()), batch_bytes));
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

void Producer::Connection::AskForPush() {
  if (!pushing.joinable()) return;
  {
    const std::lock_guard lock(push_mutex);
    push_wanted = true;
  }
  push_asked.notify_one();
}

void Producer::Connection::Push(const std::stop_token& stop) {
  while (true) {
    {
      std::unique_lock lock(push_mutex);
      if (!push_asked.wait(lock, stop, [this] { return push_wanted; })) return;
      push_wanted = false;
    }
    // librdkafka knows no other way to end the linger. What is not delivered in time is no matter
    // here.
    rd_kafka_flush(client.get(), kPushMilliseconds);
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
      listener.OnFailed(ToTicket(message), Refusal(message));
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
    Failure(RD_KAFKA_RESP_ERR__FATAL, "the Kafka producer can go on no more").IgnoreError();
    // What was not yet handed to a broker fails now.
    rd_kafka_purge(client.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
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

Producer::Producer(std::unique_ptr<Connection> connection, bool pushes)
    : connection_(std::move(connection)) {
  if (pushes) {
    connection_->pushing = std::jthread(
        [connection = connection_.get()](const std::stop_token& stop) { connection->Push(stop); });
  }
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
  const int64_t batch = Number(translation.values["batch.size"]);
  queue_kilobytes =
      fmt::format("{}", std::min<int64_t>((queue_bytes + largest) / 1024 + 1, INT32_MAX));
  // The number of records is bounded by kRecordOverhead.
  translation.values.try_emplace("queue.buffering.max.messages", "0");
  const bool pushes = translation.values.try_emplace("linger.ms", kLingerMilliseconds).second;
  SHARDTAIL_ASSIGN_OR_RETURN(
      ClientHandle client,
      NewClient(RD_KAFKA_PRODUCER, translation, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR));
  return std::unique_ptr<Producer>(new Producer(
      std::make_unique<Connection>(std::move(client), listener, queue_bytes, largest, batch),
      pushes));
}

absl::Status Producer::Send(const ProducerRecord& record, uint64_t ticket,
                            const std::stop_token& stop) {
  Connection& connection = *connection_;
  SHARDTAIL_ASSIGN_OR_RETURN(rd_kafka_topic_t* const topic, connection.FindTopic(record.topic));
  const auto has_room = [&connection] {
    // In this order: what is settled was sent before.
    const int64_t settled = connection.settled_bytes.load(std::memory_order_acquire);
    return connection.sent_bytes.load(std::memory_order_relaxed) - settled < connection.queue_bytes;
  };
  if (!has_room()) SHARDTAIL_RETURN_IF_ERROR(connection.Wait(stop, has_room));
  // Before the call: the report may come before it returns.
  const int64_t size = Size(record.key.size(), record.value.has_value() ? record.value->size() : 0);
  connection.sent_bytes.fetch_add(size, std::memory_order_relaxed);
  connection.sent_records.fetch_add(1, std::memory_order_relaxed);
  absl::Status sent = connection.Produce(topic, record, ticket, stop);
  if (!sent.ok()) {
    connection.sent_bytes.fetch_sub(size, std::memory_order_relaxed);
    connection.sent_records.fetch_sub(1, std::memory_order_relaxed);
  }
  return sent;
}

void Producer::Push() { connection_->AskForPush(); }

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

absl::Status Producer::failure() const {
  if (!connection_->failed.load(std::memory_order_acquire)) return absl::OkStatus();
  const std::lock_guard lock(connection_->failure_mutex);
  return connection_->failure;
}

}  // namespace shardtail::kafka
