#include "offsets/kafka_offset_store.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "kafka/admin.h"
#include "offsets/connect_format.h"

namespace shardtail::offsets {
namespace {

// For a broker to answer, and for the whole topic to be read.
constexpr absl::Duration kTimeout = absl::Seconds(30);

// Between two questions for a topic that was just made.
constexpr absl::Duration kKnownWait = absl::Milliseconds(50);

// For what only makes a warning.
constexpr absl::Duration kShortTimeout = absl::Seconds(2);

void WarnWhenNotCompacted(const std::string& topic, kafka::Admin& admin) {
  const absl::StatusOr<std::string> policy = admin.CleanupPolicy(topic, kShortTimeout);
  if (!policy.ok()) {
    base::LogDebug("not checked whether the topic of offsets is compacted: {}",
                   std::string(policy.status().message()));
  } else if (*policy != "compact") {
    base::LogWarn(
        "offset.storage.topic {} has cleanup.policy={}: Kafka will delete offsets from it. Set "
        "cleanup.policy=compact",
        topic, *policy);
  }
}

// Whether it was made just now: a broker may still not know it.
absl::StatusOr<bool> MakeTopic(const Options& options, kafka::Admin& admin) {
  SHARDTAIL_ASSIGN_OR_RETURN(const std::optional<kafka::TopicDescription> topic,
                             admin.Describe(options.topic, kTimeout));
  if (topic.has_value()) {
    WarnWhenNotCompacted(options.topic, admin);
    return false;
  }
  const absl::Status made =
      admin.CreateTopic({.name = options.topic,
                         .partitions = options.topic_partitions,
                         .replication_factor = options.topic_replication_factor,
                         .configuration = {{"cleanup.policy", "compact"}}},
                        kTimeout);
  // Somebody else was faster, or the broker that we asked did not know it yet.
  if (made.code() == absl::StatusCode::kAlreadyExists) return true;
  if (!made.ok()) {
    return absl::Status(made.code(),
                        fmt::format("offset.storage.topic: {}", std::string(made.message())));
  }
  base::LogInfo("made the topic {} for offsets", options.topic);
  return true;
}

// The producer of offsets: one small record at a time, given up when the caller does not wait any
// longer.
kafka::Options ForOffsets(const Options& options, const kafka::Options& kafka) {
  kafka::Options own;
  own.bootstrap_servers = kafka.bootstrap_servers;
  own.common = kafka.common;
  own.producer = {
      {"compression.type", "none"},
      {"linger.ms", "0"},
      {"delivery.timeout.ms", fmt::format("{}", absl::ToInt64Milliseconds(options.flush_timeout))},
  };
  return own;
}

}  // namespace

KafkaOffsetStore::KafkaOffsetStore(const Options& options, Access access)
    : options_(options), access_(access) {}

absl::StatusOr<std::unique_ptr<KafkaOffsetStore>> KafkaOffsetStore::Create(
    const Options& options, const kafka::Options& kafka, Access access) {
  std::unique_ptr<KafkaOffsetStore> store(new KafkaOffsetStore(options, access));
  SHARDTAIL_ASSIGN_OR_RETURN(store->reader_, kafka::TopicReader::Create(kafka));
  if (access == Access::kReadWrite) {
    SHARDTAIL_ASSIGN_OR_RETURN(const auto admin, kafka::Admin::Create(kafka));
    SHARDTAIL_ASSIGN_OR_RETURN(store->made_just_now_, MakeTopic(options, *admin));
    SHARDTAIL_ASSIGN_OR_RETURN(
        store->producer_, kafka::Producer::Create(ForOffsets(options, kafka), store->delivery_));
  }
  return store;
}

absl::StatusOr<std::map<std::string, StoredOffset>> KafkaOffsetStore::LoadAll(
    const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const std::shared_ptr<const Texts> texts, Load(stop));
  ConnectorOffsets offsets(options_.connector_name, options_.logical_name,
                           fmt::format("topic {}", options_.topic));
  for (const auto& [key, value] : *texts) offsets.Add(key, value);
  return offsets.Decode();
}

absl::StatusOr<std::map<std::string, std::string>> KafkaOffsetStore::LoadProgress(
    std::string_view replica_set, const std::stop_token& stop) {
  SHARDTAIL_ASSIGN_OR_RETURN(const std::shared_ptr<const Texts> texts, Load(stop));
  std::map<std::string, std::string> progress;
  for (const auto& [key, value] : *texts) {
    const auto collection =
        DecodeProgressKey(key, options_.connector_name, options_.logical_name, replica_set);
    if (collection.has_value()) progress[*collection] = value;
  }
  return progress;
}

absl::StatusOr<std::shared_ptr<const KafkaOffsetStore::Texts>> KafkaOffsetStore::Load(
    const std::stop_token& stop) {
  std::shared_ptr<Reading> reading;
  std::unique_lock lock(readings_mutex_);
  while (true) {
    reading = next_;
    if (reading == nullptr) break;
    if (!read_.wait(lock, stop, [&reading] { return reading->done; })) {
      return absl::CancelledError("a stop was asked for");
    }
    // Who read was told to stop: we were not.
    if (!absl::IsCancelled(reading->texts.status())) return reading->texts;
  }
  reading = std::make_shared<Reading>();
  next_ = reading;
  lock.unlock();
  absl::StatusOr<std::shared_ptr<const Texts>> texts = Read(reading, stop);
  lock.lock();
  reading->texts = texts;
  reading->done = true;
  read_.notify_all();
  return texts;
}

absl::StatusOr<std::shared_ptr<const KafkaOffsetStore::Texts>> KafkaOffsetStore::Read(
    const std::shared_ptr<Reading>& reading, const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  {
    const std::lock_guard readings_lock(readings_mutex_);
    if (next_ == reading) next_.reset();
  }
  auto texts = std::make_shared<Texts>();
  const auto add = [&texts](const kafka::TopicRecord& record) {
    if (!record.key.has_value()) return absl::OkStatus();
    if (record.value.has_value()) {
      (*texts)[std::string(*record.key)] = std::string(*record.value);
    } else {
      texts->erase(std::string(*record.key));
    }
    return absl::OkStatus();
  };
  SHARDTAIL_RETURN_IF_ERROR(ReadAll(add, stop));
  return texts;
}

absl::Status KafkaOffsetStore::ReadAll(
    absl::FunctionRef<absl::Status(const kafka::TopicRecord&)> consume,
    const std::stop_token& stop) {
  base::Clock& clock = base::Clock::Real();
  const absl::Duration deadline = clock.Monotonic() + kTimeout;
  absl::Status read = reader_->ReadAll(options_.topic, kTimeout, consume, stop);
  while (read.code() == absl::StatusCode::kNotFound && made_just_now_ &&
         clock.Monotonic() < deadline && clock.Sleep(kKnownWait, stop)) {
    read = reader_->ReadAll(options_.topic, kTimeout, consume, stop);
  }
  if (read.ok()) made_just_now_ = false;
  if (read.code() == absl::StatusCode::kNotFound) {
    if (access_ == Access::kRead) return absl::OkStatus();
    if (stop.stop_requested()) return absl::CancelledError("a stop was asked for");
    // It was there, or made, when the store was opened: "not there" is no answer to trust an offset
    // to.
    return absl::UnavailableError(fmt::format(
        "the brokers do not know topic {} of offsets (yet, or any more)", options_.topic));
  }
  return read;
}

absl::Status KafkaOffsetStore::Save(std::string_view replica_set, const StoredOffset& offset) {
  return Write({{EncodeKey(options_.connector_name, options_.logical_name, replica_set),
                 EncodeValue(offset)}},
               fmt::format("the offset of replica set {}", replica_set));
}

absl::Status KafkaOffsetStore::Delete(std::string_view replica_set) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto progress, LoadProgress(replica_set, {}));
  Progress none;
  for (const auto& [collection, text] : progress) none[collection] = std::nullopt;
  SHARDTAIL_RETURN_IF_ERROR(SaveProgress(replica_set, none));
  return Write(
      {{EncodeKey(options_.connector_name, options_.logical_name, replica_set), std::nullopt}},
      fmt::format("the offset of replica set {}", replica_set));
}

absl::Status KafkaOffsetStore::SaveProgress(std::string_view replica_set,
                                            const Progress& progress) {
  Records records;
  for (const auto& [collection, text] : progress) {
    records[EncodeProgressKey(options_.connector_name, options_.logical_name, replica_set,
                              collection)] = text;
  }
  return Write(records, fmt::format("the progress of the snapshot of replica set {}", replica_set));
}

absl::Status KafkaOffsetStore::Write(const Records& records, std::string_view what) {
  const std::lock_guard lock(mutex_);
  if (producer_ == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("topic {} of offsets was opened to read", options_.topic));
  }
  delivery_.Expect(last_ticket_ + 1, static_cast<int64_t>(records.size()));
  absl::Status written;
  for (const auto& [key, value] : records) {
    if (!written.ok()) break;
    written = producer_->Send({.topic = options_.topic, .key = key, .value = value}, ++last_ticket_,
                              std::stop_token());
  }
  if (written.ok()) written = delivery_.Await(options_.flush_timeout);
  if (written.ok()) return written;
  return absl::Status(written.code(),
                      fmt::format("{} was not stored: {}", what, std::string(written.message())));
}

void KafkaOffsetStore::Delivery::OnDelivered(std::span<const uint64_t> tickets) {
  for (const uint64_t ticket : tickets) Settle(ticket, absl::OkStatus());
}

void KafkaOffsetStore::Delivery::OnFailed(uint64_t ticket, const absl::Status& status) {
  Settle(ticket, status);
}

void KafkaOffsetStore::Delivery::Expect(uint64_t first, int64_t count) {
  const std::lock_guard lock(mutex_);
  first_ = first;
  missing_ = count;
  status_ = absl::OkStatus();
}

void KafkaOffsetStore::Delivery::Settle(uint64_t ticket, const absl::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (ticket < first_) return;  // of a write that was given up
    --missing_;
    status_.Update(status);
  }
  settled_.notify_all();
}

absl::Status KafkaOffsetStore::Delivery::Await(absl::Duration timeout) {
  std::unique_lock lock(mutex_);
  if (!settled_.wait_for(lock, absl::ToChronoNanoseconds(timeout),
                         [this] { return missing_ == 0; })) {
    return absl::DeadlineExceededError(
        fmt::format("Kafka has not acknowledged it in {}", absl::FormatDuration(timeout)));
  }
  return status_;
}

}  // namespace shardtail::offsets
