#ifndef SHARDTAIL_SIGNALS_OPTIONS_H_
#define SHARDTAIL_SIGNALS_OPTIONS_H_

#include <string>

#include "absl/time/time.h"
#include "kafka/options.h"

namespace shardtail::signals {

// Where signals come from.
struct Options {
  // signal.enabled.channels
  bool from_collection = true;  // `source`
  bool from_topic = false;      // `kafka`
  bool from_file = false;       // `file`

  std::string collection;  // signal.data.collection, `database.collection`; empty: none

  std::string topic;                                      // signal.kafka.topic
  std::string group = "kafka-signal";                     // signal.kafka.groupId
  std::string bootstrap_servers;                          // signal.kafka.bootstrap.servers
  kafka::Properties consumer;                             // signal.consumer.*
  absl::Duration poll_timeout = absl::Milliseconds(100);  // signal.kafka.poll.timeout.ms

  std::string file = "file-signals.txt";            // signal.file
  absl::Duration poll_interval = absl::Seconds(5);  // signal.poll.interval.ms, of the file
};

}  // namespace shardtail::signals

#endif  // SHARDTAIL_SIGNALS_OPTIONS_H_
