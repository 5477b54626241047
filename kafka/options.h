#ifndef SHARDTAIL_KAFKA_OPTIONS_H_
#define SHARDTAIL_KAFKA_OPTIONS_H_

#include <map>
#include <string>

namespace shardtail::kafka {

// Properties in Kafka's (Java's) names, or librdkafka's own where Java has none; see
// property_map.h. May hold secrets: never log the values.
using Properties = std::map<std::string, std::string>;

struct Options {
  std::string bootstrap_servers;
  Properties
      common;  // of the worker: security.protocol, sasl.*, ssl.*, client.id …, for every client
  Properties producer;           // producer.*
  Properties producer_override;  // producer.override.*, over those
  // topic.creation.default.partitions and .replication.factor; 0: the broker creates topics by its
  // own settings (auto.create.topics.enable).
  int topic_partitions = 0;
  int topic_replication_factor = 0;
};

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_OPTIONS_H_
