#include "signals/signal_topic.h"

#include <string>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::signals {

SignalTopic::~SignalTopic() = default;

absl::StatusOr<std::unique_ptr<SignalTopic>> SignalTopic::Create(const Options& options,
                                                                 Handler handler, Refused refused) {
  std::unique_ptr<SignalTopic> made(new SignalTopic);
  const auto take = [topic = options.topic, key = options.logical_name, metrics = &made->metrics_,
                     handler = std::move(handler), refused = std::move(refused)](
                        const kafka::TopicRecord& record) -> absl::Status {
    // Another connector's, or a tombstone.
    if (record.key != key || record.value.value_or("").empty()) return absl::OkStatus();
    const absl::StatusOr<Signal> signal = ParseSignal(*record.value);
    if (!signal.ok()) {
      metrics->refused.Add();
      base::LogWarn("the signal at offset {} in partition {} of topic {} is passed over: {}: {}",
                    record.offset, record.partition, topic, std::string(signal.status().message()),
                    *record.value);
      if (refused != nullptr) refused(signal.status());
      return absl::OkStatus();
    }
    base::LogInfo("signal {} '{}' at offset {} in partition {} of topic {}", NameOf(signal->action),
                  signal->id, record.offset, record.partition, topic);
    SHARDTAIL_RETURN_IF_ERROR(handler(*signal));
    metrics->taken.Add();
    return absl::OkStatus();
  };
  SHARDTAIL_ASSIGN_OR_RETURN(
      made->follower_,
      kafka::TopicFollower::Create(
          options.kafka,
          {.topic = options.topic, .group = options.group, .poll_timeout = options.poll_timeout},
          take));
  return made;
}

}  // namespace shardtail::signals
