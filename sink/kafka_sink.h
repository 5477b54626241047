#ifndef SHARDTAIL_SINK_KAFKA_SINK_H_
#define SHARDTAIL_SINK_KAFKA_SINK_H_

#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "absl/status/statusor.h"
#include "kafka/admin.h"
#include "kafka/options.h"
#include "kafka/producer.h"
#include "sink/shared_sink.h"

namespace shardtail::sink {

// Writes records to Kafka. Where the options give partitions and replicas, a topic that is not
// there is made with them when its first record comes, as Kafka Connect does; else it is the
// broker's matter.
class KafkaSink : public SharedSink, private kafka::DeliveryListener {
 public:
  // Does not wait for a broker. kInvalidArgument lists what is wrong with the options.
  static absl::StatusOr<std::unique_ptr<KafkaSink>> Create(const kafka::Options& options,
                                                           sink::DeliveryListener& listener);

  absl::Status Send(const Record& record, Ticket ticket, const std::stop_token& stop) override;

  // Does not wait for what it sends.
  absl::Status EndBatch(absl::Duration, const std::stop_token&) override {
    producer_->Push();
    return absl::OkStatus();
  }

  absl::Status failure() const override { return producer_->failure(); }

 private:
  KafkaSink(const kafka::Options& options, sink::DeliveryListener& listener)
      : options_(options), listener_(listener) {}

  void OnDelivered(std::span<const uint64_t> tickets) override { listener_.OnDelivered(tickets); }
  void OnFailed(uint64_t ticket, const absl::Status& status) override {
    ForgetTopics();
    listener_.OnFailed(ticket, status);
  }

  bool Knows(std::string_view topic) const;
  absl::Status MakeTopic(const std::string& topic);
  // After a failure: a topic may be there no more.
  void ForgetTopics();

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  const kafka::Options options_;
  sink::DeliveryListener& listener_;
  std::unique_ptr<kafka::Admin> admin_;     // none: topics are the broker's matter
  mutable std::shared_mutex topics_mutex_;  // guards topics_
  std::unordered_set<std::string, Hash, std::equal_to<>> topics_;  // that are there
  std::unique_ptr<kafka::Producer> producer_;                      // goes before what it reports to
};

}  // namespace shardtail::sink

#endif  // SHARDTAIL_SINK_KAFKA_SINK_H_
