#ifndef SHARDTAIL_KAFKA_PRODUCER_H_
#define SHARDTAIL_KAFKA_PRODUCER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kafka/options.h"

namespace shardtail::kafka {

// Hears what became of the records. Called from the producer's delivery thread; must not call the
// producer, nor wait for the thread that sends.
class DeliveryListener {
 public:
  virtual ~DeliveryListener() = default;

  // All in-sync replicas have these. In any order, a batch of the broker's at a time.
  virtual void OnDelivered(std::span<const uint64_t> tickets) = 0;

  // This one is given up; `status` says why and names the topic.
  virtual void OnFailed(uint64_t ticket, const absl::Status& status) = 0;
};

struct ProducerRecord {
  std::string_view topic;
  std::string_view key;
  std::optional<std::string_view> value;  // none: a tombstone
  std::optional<int32_t> partition;       // none: by the key, as Java does
};

// An idempotent producer with acks=all: each record is stored once, and those of one partition in
// the order of Send(). Its queue is bounded by bytes (producer_defaults.h, or `buffer.memory`), and
// the wait for room in it is the backpressure of the whole process.
//
// All functions are safe for any thread: "the order of Send()" is over all of them, where one call
// returned before another began. The destructor gives up what is in flight, without a call of the
// listener.
class Producer {
 public:
  // Does not connect: that is begun, and tried for ever, in the background. `listener` must outlive
  // it. kInvalidArgument lists what is wrong with the options.
  static absl::StatusOr<std::unique_ptr<Producer>> Create(const Options& options,
                                                          DeliveryListener& listener);
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // Takes a copy of the record; the listener will hear of `ticket`, with kResourceExhausted where
  // the record alone is larger than the brokers take. Waits while the queue is full.
  //   kCancelled           `stop` was requested while it waited; the record was not taken
  //   kResourceExhausted   the record is larger than max.request.size
  //   others               this record cannot be sent, or failure() has the reason
  absl::Status Send(const ProducerRecord& record, uint64_t ticket, const std::stop_token& stop);

  // No record follows at once: what waits for its batch to fill is sent now. Does not wait. A
  // user's own linger.ms holds all the same.
  void Push();

  // Waits until the listener has heard of every record, of all threads; kDeadlineExceeded says of
  // how many it has not.
  absl::Status Flush(absl::Duration timeout);

  // Records sent of which the listener has not heard. Any thread.
  int64_t InFlightRecords() const;

  // Why this producer takes nothing any more and a new one is needed (librdkafka's fatal errors:
  // the brokers do not know it any more, or its numbering of records is broken); OK while it goes
  // on. A record that fails by itself is none. Once set it stays, and everything in flight settles.
  absl::Status failure() const;

 private:
  struct Connection;
  Producer(std::unique_ptr<Connection> connection, bool pushes);

  std::unique_ptr<Connection> connection_;
};

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_PRODUCER_H_
