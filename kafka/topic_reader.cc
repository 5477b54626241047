#include "kafka/topic_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status_macros.h"
#include "kafka/client.h"
#include "kafka/property_map.h"

namespace shardtail::kafka {
namespace {

constexpr int kPollMilliseconds = 100;

// Between two questions for the leader of a partition.
constexpr absl::Duration kLeaderWait = absl::Milliseconds(50);

// librdkafka's question for a partition's end cannot be interrupted: it is asked again, each time
// with more patience, until the whole time is over.
constexpr absl::Duration kFirstPatience = absl::Seconds(1);

absl::Status Stopped(const std::string& topic) {
  return absl::CancelledError(fmt::format("stopped while reading topic {}", topic));
}

// A topic that was just made, or a broker that has just ended: it passes by itself.
bool HasNoLeaderYet(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
         code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
         code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

// What is left of one call's time.
class Deadline {
 public:
  explicit Deadline(absl::Duration timeout) : at_(base::Clock::Real().Monotonic() + timeout) {}
  absl::Duration left() const { return at_ - base::Clock::Real().Monotonic(); }

 private:
  absl::Duration at_;
};

// Partitions that are being fetched into a queue; stops them at its end.
class Fetching {
 public:
  explicit Fetching(rd_kafka_topic_t* topic) : topic_(topic) {}
  ~Fetching() {
    for (const int32_t partition : partitions_) rd_kafka_consume_stop(topic_, partition);
  }
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;

  absl::Status Start(int32_t partition, rd_kafka_queue_t* queue) {
    if (rd_kafka_consume_start_queue(topic_, partition, RD_KAFKA_OFFSET_BEGINNING, queue) != 0) {
      return ToStatus(rd_kafka_last_error(), fmt::format("cannot read partition {} of topic {}",
                                                         partition, rd_kafka_topic_name(topic_)));
    }
    partitions_.push_back(partition);
    return absl::OkStatus();
  }

 private:
  rd_kafka_topic_t* const topic_;
  std::vector<int32_t> partitions_;
};

std::optional<std::string_view> ViewOf(const void* data, size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

}  // namespace

struct TopicReader::Connection {
  std::string bootstrap_servers;
  ClientHandle client;

  // The offsets between which a partition's committed records are.
  absl::Status QueryEnds(const std::string& topic, int32_t partition, const Deadline& deadline,
                         const std::stop_token& stop, int64_t* low, int64_t* high) const;
  // The end of each partition that is not empty.
  absl::StatusOr<std::map<int32_t, int64_t>> Ends(const std::string& topic,
                                                  const Deadline& deadline,
                                                  const std::stop_token& stop) const;
};

absl::Status TopicReader::Connection::QueryEnds(const std::string& topic, int32_t partition,
                                                const Deadline& deadline,
                                                const std::stop_token& stop, int64_t* low,
                                                int64_t* high) const {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  absl::Duration patience = kFirstPatience;
  do {
    if (stop.stop_requested()) return Stopped(topic);
    code = rd_kafka_query_watermark_offsets(client.get(), topic.c_str(), partition, low, high,
                                            ToMilliseconds(std::min(patience, deadline.left())));
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT) {
      patience *= 2;
      continue;
    }
    if (!HasNoLeaderYet(code)) break;
    base::Clock::Real().Sleep(kLeaderWait, stop);
  } while (deadline.left() > absl::ZeroDuration());
  return ToStatus(
      code, fmt::format("cannot ask for the end of partition {} of topic {}", partition, topic));
}

absl::StatusOr<std::map<int32_t, int64_t>> TopicReader::Connection::Ends(
    const std::string& topic, const Deadline& deadline, const std::stop_token& stop) const {
  SHARDTAIL_ASSIGN_OR_RETURN(
      const MetadataHandle metadata,
      FetchMetadata(client.get(), topic, bootstrap_servers, deadline.left(), stop));
  if (metadata->topic_cnt != 1) return absl::InternalError("metadata without the topic");
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    return absl::NotFoundError(fmt::format("there is no topic {}", topic));
  }
  SHARDTAIL_RETURN_IF_ERROR(ToStatus(found.err, fmt::format("topic {}", topic)));
  std::map<int32_t, int64_t> ends;
  for (int i = 0; i < found.partition_cnt; ++i) {
    const int32_t partition = found.partitions[i].id;
    int64_t low = 0;
    int64_t high = 0;
    SHARDTAIL_RETURN_IF_ERROR(QueryEnds(topic, partition, deadline, stop, &low, &high));
    if (low < high) ends[partition] = high;
  }
  return ends;
}

TopicReader::TopicReader(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}
TopicReader::~TopicReader() = default;

absl::StatusOr<std::unique_ptr<TopicReader>> TopicReader::Create(const Options& options) {
  Translation translation = TranslateForOtherClients(options);
  translation.values["isolation.level"] = "read_committed";
  // A partition may begin later than it did a moment ago.
  translation.values["auto.offset.reset"] = "earliest";
  // The last offset before the end may be missing: compacted away, or a transaction's marker.
  translation.values["enable.partition.eof"] = "true";
  // A broker that waits for more of the last reading's partitions answers this one late.
  translation.values["fetch.wait.max.ms"] = "10";
  auto connection = std::make_unique<Connection>();
  connection->bootstrap_servers = options.bootstrap_servers;
  SHARDTAIL_ASSIGN_OR_RETURN(connection->client,
                             NewClient(RD_KAFKA_CONSUMER, translation, RD_KAFKA_EVENT_ERROR));
  return std::unique_ptr<TopicReader>(new TopicReader(std::move(connection)));
}

absl::Status TopicReader::ReadAll(const std::string& topic, absl::Duration timeout,
                                  absl::FunctionRef<absl::Status(const TopicRecord&)> consume,
                                  const std::stop_token& stop) {
  const Deadline deadline(timeout);
  SHARDTAIL_ASSIGN_OR_RETURN(auto ends, connection_->Ends(topic, deadline, stop));
  rd_kafka_t* const client = connection_->client.get();
  // Partitions by hand, not a consumer group: there is nothing to share, and no rights on groups
  // needed.
  const QueueHandle queue(rd_kafka_queue_new(client));
  const TopicHandle handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  if (handle == nullptr) return ToStatus(rd_kafka_last_error(), fmt::format("topic {}", topic));
  Fetching fetching(handle.get());
  for (const auto& [partition, end] : ends) {
    SHARDTAIL_RETURN_IF_ERROR(fetching.Start(partition, queue.get()));
  }
  while (!ends.empty()) {
    if (stop.stop_requested()) return Stopped(topic);
    if (deadline.left() <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          fmt::format("topic {} was not read to its end in {}: {} of its partitions are left",
                      topic, absl::FormatDuration(timeout), ends.size()));
    }
    const MessageHandle message(rd_kafka_consume_queue(queue.get(), kPollMilliseconds));
    if (message == nullptr) continue;
    const auto end = ends.find(message->partition);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (end != ends.end() && message->offset >= end->second) ends.erase(end);
      continue;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const char* const text = rd_kafka_message_errstr(message.get());
      return ToStatus(message->err, fmt::format("cannot read topic {}", topic),
                      text == nullptr ? "" : text);
    }
    if (end == ends.end() || message->offset >= end->second) continue;
    SHARDTAIL_RETURN_IF_ERROR(consume({.key = ViewOf(message->key, message->key_len),
                                       .value = ViewOf(message->payload, message->len),
                                       .partition = message->partition,
                                       .offset = message->offset}));
    if (message->offset + 1 == end->second) ends.erase(end);
  }
  return absl::OkStatus();
}

}  // namespace shardtail::kafka
