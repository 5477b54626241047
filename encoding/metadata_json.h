#ifndef SHARDTAIL_ENCODING_METADATA_JSON_H_
#define SHARDTAIL_ENCODING_METADATA_JSON_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "encoding/options.h"

namespace shardtail::encoding {

// What a notification says; see Debezium's documentation, "Debezium notifications".
struct Notification {
  std::string_view id;
  std::string_view aggregate_type;  // what it is about
  std::string_view type;            // what happened
  std::span<const std::pair<std::string, std::string>> additional_data;
  int64_t millis = 0;  // since 1970
};

// The records beside the change events, as Debezium 1.3.1 and Kafka Connect's JsonConverter write
// them: heartbeats, and the BEGIN and END of transactions; and as Debezium 2.5 does: notifications.
// Immutable; any thread.
class MetadataJson {
 public:
  explicit MetadataJson(const Options& options);

  // `<heartbeat.topics.prefix>.<logical name>`, to partition 0.
  const std::string& heartbeat_topic() const { return heartbeat_topic_; }
  const std::string& heartbeat_key() const { return heartbeat_key_; }
  std::string HeartbeatValue(int64_t now_millis) const;

  // `<logical name>.transaction`. `id` is Debezium's: session and transaction number.
  const std::string& transaction_topic() const { return transaction_topic_; }
  std::string TransactionKey(std::string_view id) const;
  std::string BeginValue(std::string_view id) const;
  // `collections`: `rs.db.collection` and the number of its events.
  std::string EndValue(std::string_view id,
                       std::span<const std::pair<std::string, int64_t>> collections) const;

  std::string NotificationKey(std::string_view id) const;
  // With the logical name as `connector_name` among its data.
  std::string NotificationValue(const Notification& notification) const;

 private:
  // The payload, with its schema where there is one.
  static std::string Wrap(const std::string& schema, const std::string& payload);

  std::string heartbeat_topic_;
  std::string heartbeat_key_;
  std::string heartbeat_schema_;  // of the value; empty: none is written
  std::string transaction_topic_;
  std::string transaction_key_schema_;
  std::string transaction_schema_;
  std::string logical_name_;
  std::string notification_key_schema_;
  std::string notification_schema_;
};

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_METADATA_JSON_H_
