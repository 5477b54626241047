#include "encoding/metadata_json.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace shardtail::encoding {
namespace {

// What a real Debezium 1.3.1 wrote (golden records `heartbeat` and `txmeta_noapply`).
TEST(MetadataJsonTest, WritesHeartbeatsAsDebeziumDoes) {
  const MetadataJson metadata({.logical_name = "dbserver1"});
  EXPECT_EQ(metadata.heartbeat_topic(), "__debezium-heartbeat.dbserver1");
  EXPECT_EQ(metadata.heartbeat_key(),
            R"({"schema":{"type":"struct","fields":[{"type":"string","optional":false,)"
            R"("field":"serverName"}],"optional":false,)"
            R"("name":"io.debezium.connector.common.ServerNameKey"},)"
            R"("payload":{"serverName":"dbserver1"}})");
  EXPECT_EQ(metadata.HeartbeatValue(1795245793002),
            R"({"schema":{"type":"struct","fields":[{"type":"int64","optional":false,)"
            R"("field":"ts_ms"}],"optional":false,)"
            R"("name":"io.debezium.connector.common.Heartbeat"},)"
            R"("payload":{"ts_ms":1795245793002}})");
}

TEST(MetadataJsonTest, WritesTransactionsAsDebeziumDoes) {
  const MetadataJson metadata({.logical_name = "dbserver1"});
  const char schema[] =
      R"({"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"status"},)"
      R"({"type":"string","optional":false,"field":"id"},)"
      R"({"type":"int64","optional":true,"field":"event_count"},{"type":"array","items":)"
      R"({"type":"struct","fields":[{"type":"string","optional":false,"field":"data_collection"},)"
      R"({"type":"int64","optional":false,"field":"event_count"}],"optional":false},)"
      R"("optional":true,"field":"data_collections"}],"optional":false,)"
      R"("name":"io.debezium.connector.common.TransactionMetadataValue"},"payload":)";
  EXPECT_EQ(metadata.transaction_topic(), "dbserver1.transaction");
  EXPECT_EQ(
      metadata.TransactionKey("u:1"),
      R"({"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],)"
      R"("optional":false,"name":"io.debezium.connector.common.TransactionMetadataKey"},)"
      R"("payload":{"id":"u:1"}})");
  EXPECT_EQ(metadata.BeginValue("u:1"),
            std::string(schema) +
                R"({"status":"BEGIN","id":"u:1","event_count":null,"data_collections":null}})");
  const std::vector<std::pair<std::string, int64_t>> counts{{"rs0.wl.types", 2}, {"rs0.wl.ids", 1}};
  EXPECT_EQ(metadata.EndValue("u:1", counts),
            std::string(schema) +
                R"({"status":"END","id":"u:1","event_count":3,"data_collections":[)"
                R"({"data_collection":"rs0.wl.types","event_count":2},)"
                R"({"data_collection":"rs0.wl.ids","event_count":1}]}})");
}

TEST(MetadataJsonTest, ANotificationIsAsInLaterVersions) {
  const std::vector<std::pair<std::string, std::string>> data{{"status", "SUC\"CEEDED"}};
  const Notification notification{.id = "ff81",
                                  .aggregate_type = "Initial Snapshot",
                                  .type = "STARTED",
                                  .additional_data = data,
                                  .millis = 1695817046353};
  const MetadataJson plain({.logical_name = "a b", .key_schema = false, .value_schema = false});
  EXPECT_EQ(plain.NotificationKey("ff81"), R"({"id":"ff81"})");
  const std::string payload =
      R"({"id":"ff81","type":"STARTED","aggregate_type":"Initial Snapshot",)"
      R"("additional_data":{"connector_name":"a b","status":"SUC\"CEEDED"},)"
      R"("timestamp":1695817046353})";
  EXPECT_EQ(plain.NotificationValue(notification), payload);
  const MetadataJson whole({.logical_name = "a b"});
  EXPECT_EQ(whole.NotificationKey("ff81"),
            R"({"schema":{"type":"struct","fields":[{"type":"string","optional":false,)"
            R"("field":"id"}],"optional":false,)"
            R"("name":"io.debezium.connector.common.NotificationKey","version":1},)"
            R"("payload":{"id":"ff81"}})");
  const std::string value = whole.NotificationValue(notification);
  EXPECT_TRUE(value.starts_with(R"({"schema":{"type":"struct")"));
  EXPECT_TRUE(value.ends_with(R"("payload":)" + payload + "}"));
}

TEST(MetadataJsonTest, LeavesTheSchemasOutWhenAsked) {
  const MetadataJson metadata({.logical_name = "a b",
                               .heartbeat_topics_prefix = "beat",
                               .key_schema = false,
                               .value_schema = false});
  EXPECT_EQ(metadata.heartbeat_topic(), "beat.a_b");
  EXPECT_EQ(metadata.heartbeat_key(), R"({"serverName":"a b"})");
  EXPECT_EQ(metadata.HeartbeatValue(1), R"({"ts_ms":1})");
  EXPECT_EQ(metadata.TransactionKey("u:1"), R"({"id":"u:1"})");
}

}  // namespace
}  // namespace shardtail::encoding
