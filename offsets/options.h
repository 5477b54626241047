#ifndef SHARDTAIL_OFFSETS_OPTIONS_H_
#define SHARDTAIL_OFFSETS_OPTIONS_H_

#include <string>

#include "absl/time/time.h"

namespace shardtail::offsets {

struct Options {
  std::string connector_name;  // `name`: the first part of the stored key
  std::string logical_name;    // `mongodb.name`: server_id in the stored key

  // Exactly one of the two is set.
  std::string topic;      // offset.storage.topic
  std::string file_name;  // offset.storage.file.filename

  int topic_partitions = 25;          // offset.storage.partitions, when the topic is made
  int topic_replication_factor = -1;  // offset.storage.replication.factor; -1: the broker's default
  absl::Duration flush_interval = absl::Seconds(1);  // offset.flush.interval.ms
  absl::Duration flush_timeout = absl::Seconds(5);   // offset.flush.timeout.ms
};

}  // namespace shardtail::offsets

#endif  // SHARDTAIL_OFFSETS_OPTIONS_H_
