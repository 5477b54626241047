#ifndef SHARDTAIL_SIGNALS_SIGNAL_TOPIC_H_
#define SHARDTAIL_SIGNALS_SIGNAL_TOPIC_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kafka/options.h"
#include "kafka/topic_follower.h"
#include "metrics/signal_metrics.h"
#include "signals/signal.h"

namespace shardtail::signals {

// Takes signals from a Kafka topic (signal.kafka.topic), on a thread of its own: the records whose
// key is the connector's logical name, in the form of ParseSignal(). What
// cannot be read is warned of, counted and passed over.
//
// As in Debezium's later versions (its KafkaSignalChannel), signals that were given while nobody
// ran are taken at the next start, for the offsets are kept in a consumer group; a group that
// stored nothing begins with the oldest record. A signal counts as taken when the handler has
// returned OK, so one may come twice after a crash. Debezium's connectors all have the group
// `kafka-signal` unless they are told otherwise: two that share a topic store each other's offsets
// and so lose signals. Give each its own.
class SignalTopic {
 public:
  struct Options {
    std::string topic;                                      // signal.kafka.topic
    std::string group;                                      // signal.kafka.groupId
    std::string logical_name;                               // mongodb.name
    absl::Duration poll_timeout = absl::Milliseconds(100);  // signal.kafka.poll.timeout.ms
    // signal.kafka.bootstrap.servers, and signal.consumer.* as the common properties.
    kafka::Options kafka;
  };

  // Called on the topic's thread, one signal after the other. OK: a crash no longer forgets the
  // signal. After an error it is given again; the ones after it wait.
  using Handler = std::function<absl::Status(const Signal&)>;
  // Called so with why something that came is no signal.
  using Refused = std::function<void(const absl::Status&)>;

  // Does not connect: that is begun, and tried for ever, in the background. kInvalidArgument lists
  // what is wrong with the options.
  static absl::StatusOr<std::unique_ptr<SignalTopic>> Create(const Options& options,
                                                             Handler handler,
                                                             Refused refused = nullptr);
  // Waits for a call of the handler that runs.
  ~SignalTopic();
  SignalTopic(const SignalTopic&) = delete;
  SignalTopic& operator=(const SignalTopic&) = delete;

  const metrics::SignalMetrics& metrics() const { return metrics_; }

 private:
  SignalTopic() = default;

  metrics::SignalMetrics metrics_;
  std::unique_ptr<kafka::TopicFollower> follower_;  // ends before what it writes to
};

}  // namespace shardtail::signals

#endif  // SHARDTAIL_SIGNALS_SIGNAL_TOPIC_H_
