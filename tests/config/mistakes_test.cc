// What the user is told of each mistake in a configuration.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/configuration.h"
#include "tests/config/loading.h"
#include "tests/config/temporary_directory.h"

namespace shardtail::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(MistakesTest, AllAreToldAtOnce) {
  EXPECT_EQ(
      MistakesOf({{"mongodb.host", "rs0/a"},
                  {"connector.class", "io.debezium.connector.mysql.MySqlConnector"},
                  {"snapshot.mode", "ever"},
                  {"collection.include.list", "a(,b"},
                  {"collection.exclude.list", "c"},
                  {"connect.max.attempts", "0"},
                  {"initial.sync.max.threads", "0"},
                  {"sink.type", "kafka"}}),
      "mongodb.host: is not a known property; did you mean mongodb.hosts?\n"
      "connector.class: 'io.debezium.connector.mysql.MySqlConnector' is not there; shardtail "
      "stands "
      "in for io.debezium.connector.mongodb.MongoDbConnector alone\n"
      "connect.max.attempts, initial.sync.max.threads: 0 is out of range: 1 to 2147483647\n"
      "collection.include.list: invalid regular expression 'a(': missing closing parenthesis at "
      "character 3\n"
      "snapshot.mode: 'ever' is not one of initial, never, no_data, always, initial_only, "
      "when_needed\n"
      "mongodb.hosts: is missing; give the replica set: rs0/host:port,host:port\n"
      "mongodb.name: is missing; give the logical name, with which each topic's name begins\n"
      "collection.include.list, collection.exclude.list: exclude each other; remove one\n"
      "sink.type: kafka needs a broker; give bootstrap.servers, here or in the worker's file "
      "(--worker)");
}

TEST(MistakesTest, AnEmptyConfigurationLacksTwoProperties) {
  const char* const both =
      "mongodb.hosts: is missing; give the replica set: rs0/host:port,host:port\n"
      "mongodb.name: is missing; give the logical name, with which each topic's name begins";
  EXPECT_EQ(MistakesOf({}), both);
  EXPECT_EQ(MistakesOf({{"mongodb.hosts", " "}, {"mongodb.name", ""}}), both);
}

TEST(MistakesTest, UnknownProperties) {
  EXPECT_EQ(MistakesWith({{"tombstone.on.delete", "true"}}),
            "tombstone.on.delete: is not a known property; did you mean tombstones.on.delete?");
  EXPECT_EQ(MistakesWith({{"foo", "bar"}}),
            "foo: is not a known property; `shardtail config` lists all");
  EXPECT_EQ(MistakesWith({{"", "bar"}}), ": is not a known property; `shardtail config` lists all");
}

TEST(MistakesTest, IncludeAndExcludeTogetherByTheNamesThatWereWritten) {
  EXPECT_EQ(MistakesWith({{"database.whitelist", "a"}, {"database.exclude.list", "b"}}),
            "database.whitelist, database.exclude.list: exclude each other; remove one");
  LoadWith({{"database.include.list", "a"}, {"database.exclude.list", ""}});
  LoadWith({{"database.include.list", "a"}, {"collection.exclude.list", "b"}});
}

TEST(MistakesTest, ValuesOfTheWrongType) {
  EXPECT_EQ(MistakesWith({{"tombstones.on.delete", "yes"}}),
            "tombstones.on.delete: 'yes' is neither true nor false");
  EXPECT_EQ(MistakesWith({{"snapshot.delay.ms", "10s"}}),
            "snapshot.delay.ms: '10s' is not a whole number");
  EXPECT_EQ(MistakesWith({{"snapshot.fetch.size", "-1"}}),
            "snapshot.fetch.size: -1 is out of range: 0 to 2147483647");
  EXPECT_EQ(MistakesWith({{"source.struct.version", "v3"}}),
            "source.struct.version: 'v3' is not one of v1, v2");
  EXPECT_EQ(MistakesWith({{"log.level", "loud"}}),
            "log.level: 'loud' is not one of trace, debug, info, warn, error");
  EXPECT_EQ(MistakesWith({{"skipped.operations", "u,x"}}),
            "skipped.operations: 'x' is not one of c (or i), u, d, t, nor none alone");
  EXPECT_EQ(MistakesWith({{"skipped.operations", "u,none"}}),
            "skipped.operations: 'none' is not one of c (or i), u, d, t, nor none alone");
  EXPECT_EQ(MistakesWith({{"tasks.max", "0"}}), "tasks.max: 0 is out of range: 1 to 2147483647");
  EXPECT_EQ(MistakesWith({{"offset.storage.partitions", "0"}}),
            "offset.storage.partitions: 0 is out of range: give 1 or more, or -1 for the broker's "
            "default");
  EXPECT_EQ(MistakesWith({{"mongodb.ssl.enabled", "true"}, {"mongodb.ssl.ca.file", "/none.pem"}}),
            "mongodb.ssl.ca.file: the file '/none.pem' cannot be read: No such file or "
            "directory");
}

TEST(MistakesTest, FieldRulesOfTheWrongForm) {
  for (const char* rule : {"c1.name", "db.c1", "name", ".c1.name", "db..name", "db.c1.", "*"}) {
    EXPECT_EQ(MistakesWith({{"field.exclude.list", rule}}),
              "field.exclude.list: Invalid format: '" + std::string(rule) +
                  "' is not database.collection.field[.nested…]");
  }
  for (const char* rule : {"db.c1.a", "db.c1:b", "db.c1.a:", "db.c1.a:b:c", ":b", "db.c1.a.:b"}) {
    EXPECT_EQ(MistakesWith({{"field.renames", rule}}),
              "field.renames: Invalid format: '" + std::string(rule) +
                  "' is not database.collection.field[.nested…]:new_name");
  }
  EXPECT_THAT(MistakesWith({{"field.exclude.list", "a,d.c.x,b"}}),
              HasSubstr("'a' is not database.collection.field[.nested…]\nfield.exclude.list: "
                        "Invalid format: 'b'"));
}

TEST(MistakesTest, SnapshotModesOfLaterConnectorsThatAreNotThereSayWhatToGive) {
  EXPECT_THAT(MistakesWith({{"snapshot.mode", "Recovery"}}),
              AllOf(HasSubstr("snapshot.mode: recovery is for connectors that keep a history of "
                              "schemas"),
                    HasSubstr("no_data")));
  EXPECT_THAT(MistakesWith({{"snapshot.mode", "configuration_based"}}),
              HasSubstr("give the mode that the properties snapshot.mode.configuration.based.… "));
  EXPECT_THAT(MistakesWith({{"snapshot.mode", "custom"}}), HasSubstr("a Java class"));
}

TEST(MistakesTest, WhatIsNotThereYetIsRefusedWithTheRemedy) {
  EXPECT_EQ(MistakesWith({{"mongodb.connection.string.shard.params", "readPreference=nearest"}}),
            "mongodb.connection.string.shard.params: the options of mongodb.connection.string hold "
            "for the shards, too; give them there");
  EXPECT_THAT(MistakesWith({{"exactly.once.support", "required"}}),
              HasSubstr("exactly.once.support: events are delivered at least once for now"));
  EXPECT_EQ(MistakesWith({{"transforms", "unwrap"}, {"transforms.unwrap.type", "X"}}),
            "transforms, transforms.unwrap.type: single message transforms would change the "
            "records, and are not there; apply them in the consumer, and remove the property");
  EXPECT_THAT(
      MistakesWith({{"topic.creation.groups", "a"}, {"topic.creation.a.partitions", "1"}}),
      HasSubstr("topic.creation.groups, topic.creation.a.partitions: only topic.creation."));
}

TEST(MistakesTest, OtherConvertersAreRefusedByName) {
  EXPECT_EQ(
      MistakesWith({{"key.converter", "io.confluent.connect.avro.AvroConverter"},
                    {"key.converter.schema.registry.url", "http://r"}}),
      "key.converter: 'io.confluent.connect.avro.AvroConverter' is not there; give "
      "org.apache.kafka.connect.json.JsonConverter, or leave it out\n"
      "key.converter.schema.registry.url: is no property of the JSON converter that is there; "
      "remove it");
}

TEST(MistakesTest, WhatNeedsAnotherProperty) {
  EXPECT_EQ(MistakesWith({{"mongodb.user", "joe"}}),
            "mongodb.password: is missing, for mongodb.user is given");
  EXPECT_EQ(MistakesWith({{"mongodb.password", "hush"}}),
            "mongodb.user: is missing, for mongodb.password is given");
  EXPECT_EQ(MistakesWith({{"sink.type", "file"}}),
            "sink.file.path: is missing, for sink.type is file");
  EXPECT_EQ(MistakesWith({{"sink.file.path", "/tmp/e"}}),
            "sink.file.path: has no effect without sink.type=file; give that, or remove it");
  const TemporaryDirectory directory;
  EXPECT_EQ(MistakesWith({{"mongodb.ssl.ca.file",
                           directory.Write("ca.pem", "-----BEGIN CERTIFICATE-----")}}),
            "mongodb.ssl.ca.file: has no effect without mongodb.ssl.enabled=true; give that, or "
            "remove it");
  EXPECT_EQ(MistakesWith({{"offset.storage.topic", "o"}}),
            "offset.storage.topic: needs a broker; give bootstrap.servers, here or in the worker's "
            "file (--worker)");
}

TEST(MistakesTest, WhatDoesNotGoTogether) {
  EXPECT_EQ(MistakesWith({{"bootstrap.servers", "a:1"},
                          {"offset.storage.topic", "o"},
                          {"offset.storage.file.filename", "f"}}),
            "offset.storage.topic, offset.storage.file.filename: exclude each other; remove one");
  EXPECT_EQ(MistakesWith({{"max.batch.size", "8192"}}),
            "max.queue.size: must be larger than max.batch.size (the defaults are 8192 and 2048)");
  EXPECT_EQ(MistakesWith({{"connect.backoff.initial.delay.ms", "2000"},
                          {"connect.backoff.max.delay.ms", "1000"}}),
            "connect.backoff.max.delay.ms: is less than connect.backoff.initial.delay.ms; make it "
            "at least as long");
}

TEST(MistakesTest, SharesThatAreNone) {
  EXPECT_EQ(
      MistakesWith({{"shard.assignment.index", "1"}}),
      "shard.assignment.index: is 1, and with shard.assignment.count=1 the highest is 0; start "
      "no more processes than are counted, each with a number of its own");
  EXPECT_EQ(
      MistakesWith({{"bootstrap.servers", "a:1"},
                    {"shard.assignment.count", "2"},
                    {"shard.assignment.index", "2"}}),
      "shard.assignment.index: is 2, and with shard.assignment.count=2 the highest is 1; start "
      "no more processes than are counted, each with a number of its own");
  EXPECT_EQ(MistakesWith({{"shard.assignment.count", "2"}, {"shard.assignment.index", "0"}}),
            "shard.assignment.count: of more than 1 needs offsets in a Kafka topic, where each "
            "process sees how far the others are; give offset.storage.topic");
  EXPECT_EQ(MistakesWith({{"shard.assignment.count", "0"}}),
            "shard.assignment.count: 0 is out of range: 1 to 1000");
}

TEST(MistakesTest, OffsetStoresThatAreNotThere) {
  EXPECT_THAT(
      MistakesWith(
          {{"offset.storage", "org.apache.kafka.connect.storage.MemoryOffsetBackingStore"}}),
      HasSubstr(
          "offset.storage: 'org.apache.kafka.connect.storage.MemoryOffsetBackingStore' is not "
          "there; give FileOffsetBackingStore"));
}

TEST(MistakesTest, JavasKeyStoresAreRefusedWithTheCommandThatConvertsThem) {
  const TemporaryDirectory directory;
  const std::string jks = directory.Write("store.jks", "\xfe\xed\xfe\xed");
  const std::string pkcs12 = directory.Write("store.p12", "0\x82");
  const std::string neither = directory.Write("store", "-----BEGIN CERTIFICATE-----");
  const auto mistakes = [](const char* name, const std::string& value) {
    return MistakesWith({{"mongodb.ssl.enabled", "true"}, {name, value}});
  };
  EXPECT_THAT(mistakes("mongodb.ssl.keystore", jks),
              AllOf(HasSubstr("mongodb.ssl.keystore: '" + jks + "' is a Java key store"),
                    HasSubstr("keytool -importkeystore -srckeystore " + jks),
                    HasSubstr("openssl pkcs12 -in " + jks + ".p12 -out " + jks + ".pem -nodes")));
  EXPECT_THAT(mistakes("mongodb.ssl.truststore", jks),
              HasSubstr("`keytool -list -rfc -keystore " + jks + " > " + jks + ".pem`"));
  EXPECT_THAT(mistakes("mongodb.ssl.keystore", pkcs12),
              HasSubstr("`openssl pkcs12 -in " + pkcs12 + " -out " + pkcs12 + ".pem -nodes`"));
  EXPECT_THAT(mistakes("mongodb.ssl.truststore", pkcs12),
              HasSubstr("`keytool -list -rfc -keystore " + pkcs12));
  EXPECT_EQ(mistakes("mongodb.ssl.certificate.key.file", neither),
            "mongodb.ssl.certificate.key.file: '" + neither +
                "' holds no private key beside the certificate in PEM form");
  EXPECT_THAT(mistakes("mongodb.ssl.keystore.type", "PKCS12"),
              HasSubstr("'PKCS12' is not supported; convert the store to a PEM file"));
}

TEST(MistakesTest, X509HasACertificateAndNoPassword) {
  const ConnectionStringReader x509 = [](std::string_view, mongo::ConnectionOptions* into) {
    into->auth_mechanism = mongo::kX509;
    return std::vector<std::string>();
  };
  const auto loaded = Load(
      std::nullopt,
      {{"mongodb.connection.string", "x"}, {"mongodb.name", "shop"}, {"mongodb.password", "hush"}},
      nullptr, x509);
  EXPECT_EQ(loaded.status(),
            absl::InvalidArgumentError(
                "mongodb.password: has no place in MONGODB-X509, where the certificate tells who "
                "it is; remove it\n"
                "mongodb.ssl.certificate.key.file: is missing, for MONGODB-X509 authenticates by "
                "it\n"
                "mongodb.ssl.enabled: must be true for MONGODB-X509 (in a connection string: "
                "tls=true)"));
}

TEST(MistakesTest, ThoseOfKafkasOwnPropertiesAreAmongThem) {
  const KafkaCheck check = [](const kafka::Options& kafka) {
    return absl::InvalidArgumentError("producer.acks: '" + kafka.producer.at("acks") +
                                      "' is wrong\nssl.x: is wrong");
  };
  RawProperties properties = {{"producer.acks", "7"}, {"mongodb.name", "shop"}};
  EXPECT_THAT(std::string(Load(std::nullopt, properties, check).status().message()),
              Not(HasSubstr("acks")))
      << "without a broker";
  properties["bootstrap.servers"] = "a:1";
  EXPECT_EQ(Load(std::nullopt, properties, check).status(),
            absl::InvalidArgumentError(
                "mongodb.hosts: is missing; give the replica set: rs0/host:port,host:port\n"
                "producer.acks: '7' is wrong\nssl.x: is wrong"));
}

TEST(MistakesTest, SecretsAreNeverShown) {
  const std::string mistakes = MistakesWith({{"mongodb.password", "hush1"},
                                             {"sasl.jaas.config", "hush2"},
                                             {"producer.sasl.jaas.config", "hush3"},
                                             {"ssl.keystore.password", "hush4"},
                                             {"mongodb.ssl.truststore.password", "hush5"},
                                             {"consumer.ssl.key.password", "hush6"},
                                             {"mongodb.pasword", "hush7"},
                                             {"transforms.a.password", "hush8"},
                                             {"mongodb.connection.string", "hush9"}});
  EXPECT_THAT(mistakes, Not(HasSubstr("hush")));
  EXPECT_THAT(mistakes, HasSubstr("mongodb.pasword: is not a known property; did you mean "
                                  "mongodb.password?"));
}

}  // namespace
}  // namespace shardtail::config
