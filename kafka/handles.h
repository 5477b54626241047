#ifndef SHARDTAIL_KAFKA_HANDLES_H_
#define SHARDTAIL_KAFKA_HANDLES_H_

#include <librdkafka/rdkafka.h>

#include "base/handle.h"

namespace shardtail::kafka {

// librdkafka's objects, owned. For this folder's sources only.
using ClientHandle = base::Handle<rd_kafka_t, rd_kafka_destroy>;
using ConfHandle = base::Handle<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using QueueHandle = base::Handle<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using EventHandle = base::Handle<rd_kafka_event_t, rd_kafka_event_destroy>;
using TopicHandle = base::Handle<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using MessageHandle = base::Handle<rd_kafka_message_t, rd_kafka_message_destroy>;
using NewTopicHandle = base::Handle<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using ConfigResourceHandle =
    base::Handle<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
using AdminOptionsHandle = base::Handle<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;

struct MetadataDestroyer {
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
};
using MetadataHandle = std::unique_ptr<const rd_kafka_metadata_t, MetadataDestroyer>;

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_HANDLES_H_
