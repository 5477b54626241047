#ifndef SHARDTAIL_OFFSETS_KAFKA_OFFSET_STORE_H_
#define SHARDTAIL_OFFSETS_KAFKA_OFFSET_STORE_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kafka/options.h"
#include "kafka/producer.h"
#include "kafka/topic_reader.h"
#include "offsets/create_offset_store.h"
#include "offsets/offset_store.h"
#include "offsets/options.h"

namespace shardtail::offsets {

// Keeps offsets in Kafka Connect's topic of offsets (offset.storage.topic), in its own form and in
// the partitions that Java would choose, so that a connector there can go on where we stopped and
// the reverse. What other connectors have in it is neither read nor written.
//
// Reaches Kafka with the properties for every client, without producer.*, as Connect does.
class KafkaOffsetStore : public OffsetStore {
 public:
  // For writing, makes the topic, compacted, where it is missing; warns when the one that is there
  // is not compacted. kUnavailable when no broker answers.
  static absl::StatusOr<std::unique_ptr<KafkaOffsetStore>> Create(const Options& options,
                                                                  const kafka::Options& kafka,
                                                                  Access access);

  using OffsetStore::LoadAll;
  absl::StatusOr<std::map<std::string, StoredOffset>> LoadAll(const std::stop_token& stop) override;

  // kDeadlineExceeded or kUnavailable when the brokers have not acknowledged it in flush_timeout;
  // it may have been stored all the same.
  absl::Status Save(std::string_view replica_set, const StoredOffset& offset) override;
  absl::Status Delete(std::string_view replica_set) override;
  absl::StatusOr<std::map<std::string, std::string>> LoadProgress(
      std::string_view replica_set, const std::stop_token& stop) override;
  absl::Status SaveProgress(std::string_view replica_set, const Progress& progress) override;

 private:
  // Hears what became of the newest write's records.
  class Delivery : public kafka::DeliveryListener {
   public:
    void OnDelivered(std::span<const uint64_t> tickets) override;
    void OnFailed(uint64_t ticket, const absl::Status& status) override;
    // Before they are sent: `count` records, with tickets from `first` on.
    void Expect(uint64_t first, int64_t count);
    // The first error of one of them.
    absl::Status Await(absl::Duration timeout);

   private:
    void Settle(uint64_t ticket, const absl::Status& status);

    std::mutex mutex_;  // guards all below
    std::condition_variable settled_;
    uint64_t first_ = 1;
    int64_t missing_ = 0;
    absl::Status status_;
  };

  KafkaOffsetStore(const Options& options, Access access);

  using Texts = std::map<std::string, std::string>;  // the latest value of each key

  // One reading of the topic, shared by all who asked for it before it began: replica sets start
  // together, and each of hundreds would read the topic for itself.
  struct Reading {
    bool done = false;
    absl::StatusOr<std::shared_ptr<const Texts>> texts;
  };

  // What the topic holds, read after the call began.
  absl::StatusOr<std::shared_ptr<const Texts>> Load(const std::stop_token& stop);
  // By the one who asked first for this reading, which is then not to be joined any more.
  absl::StatusOr<std::shared_ptr<const Texts>> Read(const std::shared_ptr<Reading>& reading,
                                                    const std::stop_token& stop);

  // Every record of the topic. With mutex_ held.
  absl::Status ReadAll(absl::FunctionRef<absl::Status(const kafka::TopicRecord&)> consume,
                       const std::stop_token& stop);
  // By key; nullopt is a tombstone.
  using Records = std::map<std::string, std::optional<std::string>>;
  absl::Status Write(const Records& records, std::string_view what);

  const Options options_;
  const Access access_;
  std::mutex readings_mutex_;         // guards next_ and each Reading; taken after mutex_
  std::shared_ptr<Reading> next_;     // asked for and not begun; shared with those who wait for it
  std::condition_variable_any read_;  // a Reading is done
  std::mutex mutex_;                  // one read or write at a time; guards all below but delivery_
  bool made_just_now_ = false;        // the topic, which a broker may not know yet
  std::unique_ptr<kafka::TopicReader> reader_;
  uint64_t last_ticket_ = 0;
  Delivery delivery_;
  std::unique_ptr<kafka::Producer>
      producer_;  // none: for reading only; goes before what it reports to
};

}  // namespace shardtail::offsets

#endif  // SHARDTAIL_OFFSETS_KAFKA_OFFSET_STORE_H_
