#ifndef SHARDTAIL_SINK_KAFKA_SINK_H_
#define SHARDTAIL_SINK_KAFKA_SINK_H_

#include <memory>
#include <string>
#include <unordered_set>

#include "absl/status/statusor.h"
#include "kafka/admin.h"
#include "kafka/options.h"
#include "kafka/producer.h"
#include "sink/sink.h"

namespace shardtail::sink {

// Writes records to Kafka. Where the options give partitions and replicas, a topic that is not
// there is made with them when its first record comes, as Kafka Connect does; else it is the
// broker's matter.
class KafkaSink : public Sink, private kafka::DeliveryListener {
 public:
  // Does not wait for a broker. kInvalidArgument lists what is wrong with the options.
  static absl::StatusOr<std::unique_ptr<KafkaSink>> Create(const kafka::Options& options,
                                                           sink::DeliveryListener& listener);

  absl::Status Send(const Record& record, Ticket ticket, const std::stop_token& stop) override;

  // Nothing: librdkafka sends by itself, after linger.ms at the latest.
  absl::Status EndBatch() override { return absl::OkStatus(); }

  absl::Status Flush(absl::Duration timeout) override { return producer_->Flush(timeout); }
  int64_t InFlightRecords() const override { return producer_->InFlightRecords(); }

 private:
  KafkaSink(const kafka::Options& options, sink::DeliveryListener& listener)
      : options_(options), listener_(listener) {}

  void OnDelivered(std::span<const uint64_t> tickets) override { listener_.OnDelivered(tickets); }
  void OnFailed(uint64_t ticket, const absl::Status& status) override {
    listener_.OnFailed(ticket, status);
  }

  absl::Status MakeTopic(const std::string& topic);

  const kafka::Options options_;
  sink::DeliveryListener& listener_;
  std::unique_ptr<kafka::Admin> admin_;        // none: topics are the broker's matter
  std::unordered_set<std::string> topics_;     // that are there
  std::string last_topic_;                     // of the record before: most go where that one went
  std::unique_ptr<kafka::Producer> producer_;  // goes before what it reports to
};

}  // namespace shardtail::sink

#endif  // SHARDTAIL_SINK_KAFKA_SINK_H_
