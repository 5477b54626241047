#include "config/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/loading.h"

namespace shardtail::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

// As in Kafka's config/connect-distributed.properties.
RawProperties Worker() {
  return {{"bootstrap.servers", "broker:9092"},
          {"group.id", "connect-cluster"},
          {"key.converter", "org.apache.kafka.connect.json.JsonConverter"},
          {"value.converter", "org.apache.kafka.connect.json.JsonConverter"},
          {"key.converter.schemas.enable", "true"},
          {"value.converter.schemas.enable", "false"},
          {"offset.storage.topic", "connect-offsets"},
          {"offset.storage.replication.factor", "1"},
          {"config.storage.topic", "connect-configs"},
          {"config.storage.replication.factor", "1"},
          {"status.storage.topic", "connect-status"},
          {"offset.flush.interval.ms", "10000"},
          {"heartbeat.interval.ms", "3000"},
          {"plugin.path", "/usr/share/java"},
          {"producer.compression.type", "zstd"},
          {"producer.retries", "5"}};
}

std::string ValueOf(const GivenProperties& given, const std::string& name) {
  const auto found = given.find(name);
  return found == given.end() ? "(none)" : found->second.value;
}

TEST(MergeTest, TheConnectorsPropertiesGoOverTheWorkers) {
  const Configuration configuration =
      MustLoad(Worker(), WithRequired({{"producer.override.compression.type", "lz4"},
                                       {"producer.override.acks", "all"},
                                       {"offset.flush.interval.ms", "500"}}));
  EXPECT_EQ(configuration.sink.type, sink::Type::kKafka);
  EXPECT_EQ(configuration.sink.kafka.bootstrap_servers, "broker:9092");
  EXPECT_EQ(configuration.sink.kafka.producer,
            (kafka::Properties{{"compression.type", "zstd"}, {"retries", "5"}}));
  EXPECT_EQ(configuration.sink.kafka.producer_override,
            (kafka::Properties{{"compression.type", "lz4"}, {"acks", "all"}}));
  EXPECT_EQ(configuration.offsets.topic, "connect-offsets");
  EXPECT_EQ(configuration.offsets.topic_replication_factor, 1);
  EXPECT_EQ(configuration.offsets.flush_interval, absl::Milliseconds(500));
  EXPECT_TRUE(configuration.encoding.key_schema);
  EXPECT_FALSE(configuration.encoding.value_schema);
}

TEST(MergeTest, WhatBelongsToTheWorkerAloneSharesOneNote) {
  EXPECT_THAT(MustLoad(Worker(), WithRequired({})).notes,
              ElementsAre("config.storage.replication.factor, config.storage.topic, group.id, "
                          "plugin.path, status.storage.topic: no effect: it is about the Kafka "
                          "Connect worker, and there is none"));
}

TEST(MergeTest, TheWorkersHeartbeatIsNotTheConnectors) {
  Findings notes;
  EXPECT_EQ(ValueOf(Merge(Worker(), {}, &notes), "heartbeat.interval.ms"), "(none)");
  EXPECT_EQ(
      ValueOf(Merge(Worker(), {{"heartbeat.interval.ms", "5"}}, &notes), "heartbeat.interval.ms"),
      "5");
}

TEST(MergeTest, AConverterNamedByTheConnectorTakesNothingFromTheWorker) {
  Findings notes;
  const GivenProperties merged =
      Merge(Worker(), {{"value.converter", "org.apache.kafka.connect.json.JsonConverter"}}, &notes);
  EXPECT_EQ(ValueOf(merged, "value.converter.schemas.enable"), "(none)");
  EXPECT_EQ(ValueOf(merged, "key.converter.schemas.enable"), "true");
  EXPECT_TRUE(notes.empty());
}

TEST(MergeTest, AConverterNamedByTheWorkerTakesNothingFromTheConnector) {
  Findings notes;
  const GivenProperties merged =
      Merge(Worker(), {{"value.converter.schemas.enable", "true"}}, &notes);
  EXPECT_EQ(ValueOf(merged, "value.converter.schemas.enable"), "false");
  EXPECT_THAT(notes.Lines(),
              ElementsAre("value.converter.schemas.enable: is not read: as in Kafka Connect, "
                          "value.converter is configured in the worker's file, which names it; to "
                          "change that, name it here too"));
}

TEST(MergeTest, WithoutAWorkerTheConnectorsConverterPropertiesCount) {
  EXPECT_FALSE(LoadWith({{"value.converter.schemas.enable", "false"}}).encoding.value_schema);
}

TEST(MergeTest, OldAndLaterNamesAreReadWithANote) {
  Findings notes;
  const GivenProperties merged = Merge(std::nullopt,
                                       {{"database.whitelist", "a"},
                                        {"database.blacklist", "b"},
                                        {"collection.whitelist", "c"},
                                        {"collection.blacklist", "d"},
                                        {"field.blacklist", "e"},
                                        {"topic.prefix", "f"}},
                                       &notes);
  EXPECT_EQ(ValueOf(merged, "database.include.list"), "a");
  EXPECT_EQ(ValueOf(merged, "database.exclude.list"), "b");
  EXPECT_EQ(ValueOf(merged, "collection.include.list"), "c");
  EXPECT_EQ(ValueOf(merged, "collection.exclude.list"), "d");
  EXPECT_EQ(ValueOf(merged, "field.exclude.list"), "e");
  EXPECT_EQ(ValueOf(merged, "mongodb.name"), "f");
  EXPECT_THAT(notes.Lines(), Contains("database.whitelist: is read as database.include.list"));
  EXPECT_EQ(notes.Lines().size(), 6U);
}

TEST(MergeTest, TheTablesOwnNameWinsOverAnother) {
  Findings notes;
  const GivenProperties merged = Merge(
      std::nullopt, {{"database.whitelist", "old"}, {"database.include.list", "new"}}, &notes);
  EXPECT_EQ(ValueOf(merged, "database.include.list"), "new");
  EXPECT_THAT(notes.Lines(),
              ElementsAre("database.whitelist: is not read, for database.include.list is given"));
}

TEST(MergeTest, DebeziumServersNamesAreReadAsKafkaConnects) {
  Findings notes;
  const GivenProperties merged =
      Merge(std::nullopt,
            {{"debezium.source.mongodb.hosts", "rs0/a"},
             {"debezium.source.offset.storage.file.filename", "data/offsets.dat"},
             {"debezium.source.database.whitelist", "x"},
             {"debezium.sink.type", "kafka"},
             {"debezium.sink.kafka.producer.bootstrap.servers", "b:1"},
             {"debezium.sink.kafka.producer.linger.ms", "5"},
             {"debezium.format.value", "json"},
             {"debezium.format.value.schemas.enable", "false"},
             {"debezium.transforms", "unwrap"}},
            &notes);
  EXPECT_EQ(ValueOf(merged, "mongodb.hosts"), "rs0/a");
  EXPECT_EQ(merged.at("mongodb.hosts").written, "debezium.source.mongodb.hosts");
  EXPECT_EQ(ValueOf(merged, "offset.storage.file.filename"), "data/offsets.dat");
  EXPECT_EQ(ValueOf(merged, "database.include.list"), "x");
  EXPECT_EQ(ValueOf(merged, "sink.type"), "kafka");
  EXPECT_EQ(ValueOf(merged, "bootstrap.servers"), "b:1");
  EXPECT_EQ(ValueOf(merged, "producer.linger.ms"), "5");
  EXPECT_EQ(ValueOf(merged, "value.converter"), "json");
  EXPECT_EQ(ValueOf(merged, "value.converter.schemas.enable"), "false");
  EXPECT_EQ(ValueOf(merged, "transforms"), "unwrap");
  EXPECT_THAT(notes.Lines(), ElementsAre("debezium.source.database.whitelist: is read as "
                                         "database.include.list"));
}

TEST(MergeTest, AWholeDebeziumServerFileIsRead) {
  const Configuration configuration = MustLoad(
      std::nullopt,
      {{"debezium.source.connector.class", "io.debezium.connector.mongodb.MongoDbConnector"},
       {"debezium.source.mongodb.hosts", "rs0/a"},
       {"debezium.source.mongodb.name", "shop"},
       {"debezium.source.offset.storage",
        "org.apache.kafka.connect.storage.FileOffsetBackingStore"},
       {"debezium.source.offset.storage.file.filename", "data/offsets.dat"},
       {"debezium.sink.type", "kafka"},
       {"debezium.sink.kafka.producer.bootstrap.servers", "b:1"},
       {"debezium.format.key", "json"},
       {"quarkus.log.level", "INFO"}});
  EXPECT_EQ(configuration.encoding.logical_name, "shop");
  EXPECT_EQ(configuration.sink.type, sink::Type::kKafka);
  EXPECT_EQ(configuration.offsets.file_name, "data/offsets.dat");
  EXPECT_EQ(configuration.offsets.topic, "");
  EXPECT_THAT(configuration.notes,
              ElementsAre("quarkus.log.level: no effect: it is about Debezium Server's own "
                          "machinery; see log.level and log.format"));
}

TEST(MergeTest, MistakesNameThePropertyAsItWasWritten) {
  EXPECT_EQ(MistakesOf({{"debezium.source.mongodb.hosts", "rs0/:1"}, {"topic.prefix", "shop"}}),
            "debezium.source.mongodb.hosts: ':1' has no host's name");
}

}  // namespace
}  // namespace shardtail::config
