#ifndef SHARDTAIL_APP_BROKERS_H_
#define SHARDTAIL_APP_BROKERS_H_

#include <stop_token>

#include "absl/status/status.h"
#include "sink/options.h"

namespace shardtail::app {

// OK when a broker answers within ten seconds, or when events do not go to Kafka. kInvalidArgument
// lists the mistakes in Kafka's properties.
absl::Status CheckBrokers(const sink::Options& options, const std::stop_token& stop);

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_BROKERS_H_
