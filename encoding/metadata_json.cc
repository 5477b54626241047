#include "encoding/metadata_json.h"

#include <fmt/format.h>

#include "encoding/json_escape.h"
#include "encoding/topic_name.h"

namespace shardtail::encoding {
namespace {

constexpr char kHeartbeatKeySchema[] =
    R"({"type":"struct","fields":[{"type":"string","optional":false,"field":"serverName"}],)"
    R"("optional":false,"name":"io.debezium.connector.common.ServerNameKey"})";
constexpr char kHeartbeatSchema[] =
    R"({"type":"struct","fields":[{"type":"int64","optional":false,"field":"ts_ms"}],)"
    R"("optional":false,"name":"io.debezium.connector.common.Heartbeat"})";
constexpr char kTransactionKeySchema[] =
    R"({"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],)"
    R"("optional":false,"name":"io.debezium.connector.common.TransactionMetadataKey"})";
constexpr char kTransactionSchema[] =
    R"({"type":"struct","fields":[{"type":"string","optional":false,"field":"status"},)"
    R"({"type":"string","optional":false,"field":"id"},)"
    R"({"type":"int64","optional":true,"field":"event_count"},)"
    R"({"type":"array","items":{"type":"struct","fields":[)"
    R"({"type":"string","optional":false,"field":"data_collection"},)"
    R"({"type":"int64","optional":false,"field":"event_count"}],"optional":false},)"
    R"("optional":true,"field":"data_collections"}],)"
    R"("optional":false,"name":"io.debezium.connector.common.TransactionMetadataValue"})";

// Version 1 of both, unlike those of 1.3: SchemaFactory of Debezium 2.5.
constexpr char kNotificationKeySchema[] =
    R"({"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],)"
    R"("optional":false,"name":"io.debezium.connector.common.NotificationKey","version":1})";
constexpr char kNotificationSchema[] =
    R"({"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},)"
    R"({"type":"string","optional":false,"field":"type"},)"
    R"({"type":"string","optional":false,"field":"aggregate_type"},)"
    R"({"type":"map","keys":{"type":"string","optional":false},)"
    R"("values":{"type":"string","optional":false},"optional":true,"field":"additional_data"},)"
    R"({"type":"int64","optional":false,"field":"timestamp"}],)"
    R"("optional":false,"name":"io.debezium.connector.common.Notification","version":1})";

}  // namespace

MetadataJson::MetadataJson(const Options& options)
    : heartbeat_topic_(
          ToTopicName(fmt::format("{}.{}", options.heartbeat_topics_prefix, options.logical_name))),
      heartbeat_key_(Wrap(options.key_schema ? kHeartbeatKeySchema : "",
                          fmt::format(R"({{"serverName":{}}})", QuoteJson(options.logical_name)))),
      heartbeat_schema_(options.value_schema ? kHeartbeatSchema : ""),
      transaction_topic_(ToTopicName(options.logical_name + ".transaction")),
      transaction_key_schema_(options.key_schema ? kTransactionKeySchema : ""),
      transaction_schema_(options.value_schema ? kTransactionSchema : ""),
      logical_name_(options.logical_name),
      notification_key_schema_(options.key_schema ? kNotificationKeySchema : ""),
      notification_schema_(options.value_schema ? kNotificationSchema : "") {}

std::string MetadataJson::HeartbeatValue(int64_t now_millis) const {
  return Wrap(heartbeat_schema_, fmt::format(R"({{"ts_ms":{}}})", now_millis));
}

std::string MetadataJson::TransactionKey(std::string_view id) const {
  return Wrap(transaction_key_schema_, fmt::format(R"({{"id":{}}})", QuoteJson(id)));
}

std::string MetadataJson::BeginValue(std::string_view id) const {
  return Wrap(
      transaction_schema_,
      fmt::format(R"({{"status":"BEGIN","id":{},"event_count":null,"data_collections":null}})",
                  QuoteJson(id)));
}

std::string MetadataJson::EndValue(
    std::string_view id, std::span<const std::pair<std::string, int64_t>> collections) const {
  int64_t total = 0;
  std::string list;
  for (const auto& [collection, count] : collections) {
    total += count;
    list += fmt::format(R"({}{{"data_collection":{},"event_count":{}}})", list.empty() ? "" : ",",
                        QuoteJson(collection), count);
  }
  return Wrap(transaction_schema_,
              fmt::format(R"({{"status":"END","id":{},"event_count":{},"data_collections":[{}]}})",
                          QuoteJson(id), total, list));
}

std::string MetadataJson::NotificationKey(std::string_view id) const {
  return Wrap(notification_key_schema_, fmt::format(R"({{"id":{}}})", QuoteJson(id)));
}

std::string MetadataJson::NotificationValue(const Notification& notification) const {
  std::string data = fmt::format(R"({{"connector_name":{})", QuoteJson(logical_name_));
  for (const auto& [name, value] : notification.additional_data) {
    data += fmt::format(",{}:{}", QuoteJson(name), QuoteJson(value));
  }
  return Wrap(
      notification_schema_,
      fmt::format(
          R"({{"id":{},"type":{},"aggregate_type":{},"additional_data":{}}},"timestamp":{}}})",
          QuoteJson(notification.id), QuoteJson(notification.type),
          QuoteJson(notification.aggregate_type), data, notification.millis));
}

std::string MetadataJson::Wrap(const std::string& schema, const std::string& payload) {
  if (schema.empty()) return payload;
  return fmt::format(R"({{"schema":{},"payload":{}}})", schema, payload);
}

}  // namespace shardtail::encoding
