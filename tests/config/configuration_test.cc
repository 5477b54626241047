#include "config/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/loading.h"
#include "tests/config/temporary_directory.h"

namespace shardtail::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

std::vector<std::string> PatternsOf(const std::vector<base::Regex>& patterns) {
  std::vector<std::string> texts;
  texts.reserve(patterns.size());
  for (const base::Regex& pattern : patterns) texts.push_back(pattern.pattern());
  return texts;
}

TEST(ConfigurationTest, TwoPropertiesAreEnough) {
  const Configuration c = LoadWith({});
  ASSERT_EQ(c.mongo.seeds.size(), 1U);
  EXPECT_EQ(c.mongo.seeds[0].replica_set, "rs0");
  EXPECT_THAT(c.mongo.seeds[0].hosts, ElementsAre(mongo::HostAndPort{"localhost", 27017}));
  EXPECT_EQ(c.encoding.logical_name, "shop");
  EXPECT_EQ(c.encoding.connector_version, SHARDTAIL_VERSION);
  EXPECT_EQ(c.offsets.logical_name, "shop");
  EXPECT_EQ(c.offsets.connector_name, "shop");
  EXPECT_EQ(c.log.connector_name, "shop");
  EXPECT_EQ(c.sink.type, sink::Type::kStdout);
  EXPECT_EQ(c.offsets.file_name, "shop.offsets");
  EXPECT_EQ(c.offsets.topic, "");
  EXPECT_THAT(c.notes, IsEmpty());
}

TEST(ConfigurationTest, OneOfSeveralProcessesHasAGroupOfItsOwn) {
  const RawProperties two = {{"bootstrap.servers", "a:1"},
                             {"shard.assignment.count", "2"},
                             {"shard.assignment.index", "1"},
                             {"signal.kafka.groupId", "mine"}};
  const Configuration c = LoadWith(two);
  EXPECT_EQ(c.topology.assignment_count, 2);
  EXPECT_EQ(c.topology.assignment_index, 1);
  EXPECT_EQ(c.signals.group, "mine-1");
  EXPECT_EQ(LoadWith({}).topology.assignment_index, 0);
  EXPECT_EQ(LoadWith({}).signals.group, "kafka-signal");
}

TEST(ConfigurationTest, ASignalCollectionReachesOneProcessOnly) {
  EXPECT_THAT(LoadWith({{"bootstrap.servers", "a:1"},
                        {"shard.assignment.count", "2"},
                        {"shard.assignment.index", "1"},
                        {"signal.data.collection", "control.signals"}})
                  .notes,
              Contains(HasSubstr("signal.data.collection: reaches only")));
}

TEST(ConfigurationTest, TheConnectionIsReadInFull) {
  const TemporaryDirectory directory;
  const std::string ca = directory.Write("ca.pem", "-----BEGIN CERTIFICATE-----");
  const std::string key =
      directory.Write("key.pem", "-----BEGIN PRIVATE KEY-----\n…\n-----BEGIN CERTIFICATE-----");
  const mongo::ConnectionOptions mongo = LoadWith({{"mongodb.user", " joe "},
                                                   {"mongodb.password", " hush "},
                                                   {"mongodb.authsource", "users"},
                                                   {"mongodb.ssl.enabled", "TRUE"},
                                                   {"mongodb.ssl.invalid.hostname.allowed", "true"},
                                                   {"mongodb.ssl.ca.file", ca},
                                                   {"mongodb.ssl.certificate.key.file", key},
                                                   {"mongodb.ssl.certificate.key.password", " x "},
                                                   {"mongodb.members.auto.discover", "false"},
                                                   {"mongodb.connect.timeout.ms", "1"},
                                                   {"mongodb.socket.timeout.ms", "2"},
                                                   {"mongodb.server.selection.timeout.ms", "3"}})
                                             .mongo;
  EXPECT_EQ(mongo.user, "joe");
  EXPECT_EQ(mongo.password, " hush ");
  EXPECT_EQ(mongo.auth_source, "users");
  EXPECT_TRUE(mongo.ssl);
  EXPECT_TRUE(mongo.ssl_allow_invalid_hostname);
  EXPECT_EQ(mongo.ssl_ca_file, ca);
  EXPECT_EQ(mongo.ssl_certificate_key_file, key);
  EXPECT_EQ(mongo.ssl_certificate_key_password, " x ");
  EXPECT_EQ(mongo.auth_mechanism, "");
  EXPECT_FALSE(mongo.auto_discover);
  EXPECT_EQ(mongo.connect_timeout, absl::Milliseconds(1));
  EXPECT_EQ(mongo.socket_timeout, absl::Milliseconds(2));
  EXPECT_EQ(mongo.server_selection_timeout, absl::Milliseconds(3));
}

TEST(ConfigurationTest, LaterConnectorsStoresArePemFiles) {
  const TemporaryDirectory directory;
  const std::string ca = directory.Write("ca.pem", "-----BEGIN CERTIFICATE-----");
  const std::string key = directory.Write(
      "key.pem", "-----BEGIN CERTIFICATE-----\n…\n-----BEGIN ENCRYPTED PRIVATE KEY-----");
  const mongo::ConnectionOptions mongo = LoadWith({{"mongodb.ssl.enabled", "true"},
                                                   {"mongodb.ssl.truststore", ca},
                                                   {"mongodb.ssl.truststore.password", "changeit"},
                                                   {"mongodb.ssl.truststore.type", "pem"},
                                                   {"mongodb.ssl.keystore", key},
                                                   {"mongodb.ssl.keystore.password", "hush"},
                                                   {"mongodb.ssl.keystore.type", "PEM"}})
                                             .mongo;
  EXPECT_EQ(mongo.ssl_ca_file, ca);
  EXPECT_EQ(mongo.ssl_certificate_key_file, key);
  EXPECT_EQ(mongo.ssl_certificate_key_password, "hush");
  EXPECT_EQ(mongo.auth_mechanism, "") << "a certificate without a user is for TLS alone";
}

TEST(ConfigurationTest, AUserWithACertificateAndNoPasswordIsOneByTheCertificate) {
  const TemporaryDirectory directory;
  const std::string key =
      directory.Write("key.pem", "-----BEGIN CERTIFICATE-----\n…\n-----BEGIN RSA PRIVATE KEY-----");
  const Configuration loaded = LoadWith({{"mongodb.ssl.enabled", "true"},
                                         {"mongodb.ssl.certificate.key.file", key},
                                         {"mongodb.user", "CN=joe"}});
  EXPECT_EQ(loaded.mongo.auth_mechanism, mongo::kX509);
  EXPECT_EQ(loaded.mongo.auth_source, "$external");
  EXPECT_THAT(loaded.notes, Contains(HasSubstr("MONGODB-X509")));
}

// Stands in for the driver's parser.
absl::StatusOr<std::vector<std::string>> ReadTextAsUser(std::string_view text,
                                                        mongo::ConnectionOptions* into) {
  if (text == "bad") return absl::InvalidArgumentError("is bad\nis very bad");
  into->user = text;
  into->password = "of the string";
  into->seeds = {{.replica_set = "rs0", .hosts = {{"a", 1}}}};
  return std::vector<std::string>{"w has no effect"};
}

TEST(ConfigurationTest, PropertiesWinOverTheConnectionStrings) {
  const auto loaded = Load(std::nullopt,
                           {{"mongodb.connection.string", " joe "},
                            {"mongodb.hosts", " "},
                            {"mongodb.name", "shop"},
                            {"mongodb.password", "hush"}},
                           nullptr, ReadTextAsUser);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->mongo.user, "joe");
  EXPECT_EQ(loaded->mongo.password, "hush");
  EXPECT_EQ(loaded->mongo.seeds.front().replica_set, "rs0");
  EXPECT_THAT(loaded->notes, Contains("mongodb.connection.string: w has no effect"));
}

TEST(ConfigurationTest, AConnectionStringsMistakesAreToldWithItsName) {
  const auto mistakes = [](RawProperties properties) {
    properties["mongodb.name"] = "shop";
    return std::string(Load(std::nullopt, properties, nullptr, ReadTextAsUser).status().message());
  };
  EXPECT_EQ(mistakes({{"mongodb.connection.string", "bad"}}),
            "mongodb.connection.string: is bad\nmongodb.connection.string: is very bad");
  EXPECT_EQ(mistakes({{"mongodb.connection.string", "joe"}, {"mongodb.hosts", "a"}}),
            "mongodb.hosts, mongodb.connection.string: exclude each other; remove one");
}

TEST(ConfigurationTest, TheFiltersAreReadInFull) {
  const filter::Options include = LoadWith({{"database.include.list", "a, b.*"},
                                            {"collection.include.list", R"(a\.x\,y,(?!c).*)"}})
                                      .filter;
  EXPECT_THAT(PatternsOf(include.database_include), ElementsAre("a", "b.*"));
  EXPECT_THAT(PatternsOf(include.collection_include), ElementsAre(R"(a\.x\,y)", "(?!c).*"));
  const filter::Options exclude = LoadWith({{"database.exclude.list", "a"},
                                            {"collection.exclude.list", "b.c"},
                                            {"field.exclude.list", "*.c.secret, d.c.a.b"},
                                            {"field.renames", "d.c.a:b, d.c.x.y:z"}})
                                      .filter;
  EXPECT_THAT(PatternsOf(exclude.database_exclude), ElementsAre("a"));
  EXPECT_THAT(PatternsOf(exclude.collection_exclude), ElementsAre("b.c"));
  EXPECT_THAT(exclude.field_exclude, ElementsAre("*.c.secret", "d.c.a.b"));
  EXPECT_THAT(exclude.field_renames, ElementsAre("d.c.a:b", "d.c.x.y:z"));
}

TEST(ConfigurationTest, AnyNumberOfOperationsIsSkipped) {
  const filter::Options one = LoadWith({{"skipped.operations", "u"}}).filter;
  EXPECT_FALSE(one.skip_creates);
  EXPECT_TRUE(one.skip_updates);
  EXPECT_FALSE(one.skip_deletes);
  const Configuration all = LoadWith({{"skipped.operations", "C, u,d"}});
  EXPECT_TRUE(all.filter.skip_creates && all.filter.skip_updates && all.filter.skip_deletes);
  EXPECT_THAT(all.notes, ElementsAre(HasSubstr("skipped.operations: each of the operations")));
  EXPECT_TRUE(LoadWith({{"skipped.operations", "i"}}).filter.skip_creates);
  for (const char* nothing : {"", "none", "t"}) {
    const filter::Options none = LoadWith({{"skipped.operations", nothing}}).filter;
    EXPECT_FALSE(none.skip_creates || none.skip_updates || none.skip_deletes) << nothing;
  }
}

TEST(ConfigurationTest, SnapshotEventsAndRetriesAreReadInFull) {
  const Configuration c = LoadWith({{"snapshot.mode", "Never"},
                                    {"snapshot.delay.ms", "5"},
                                    {"snapshot.fetch.size", "6"},
                                    {"tombstones.on.delete", "false"},
                                    {"source.struct.version", "v1"},
                                    {"connect.backoff.initial.delay.ms", "7"},
                                    {"connect.backoff.max.delay.ms", "8"},
                                    {"connect.max.attempts", "9"},
                                    {"key.converter.schemas.enable", "false"},
                                    {"value.converter.schemas.enable", "false"}});
  EXPECT_EQ(c.pipeline.snapshot_mode, pipeline::SnapshotMode::kNever);
  EXPECT_EQ(c.pipeline.snapshot_delay, absl::Milliseconds(5));
  EXPECT_EQ(c.pipeline.snapshot_fetch_size, 6);
  EXPECT_FALSE(c.pipeline.tombstones_on_delete);
  EXPECT_EQ(c.encoding.source_version, encoding::SourceVersion::kV1);
  EXPECT_EQ(c.topology.backoff_initial, absl::Milliseconds(7));
  EXPECT_EQ(c.topology.backoff_max, absl::Milliseconds(8));
  EXPECT_EQ(c.topology.max_attempts, 9);
  EXPECT_FALSE(c.encoding.key_schema);
  EXPECT_FALSE(c.encoding.value_schema);
}

TEST(ConfigurationTest, TheSnapshotsModesAreTheLaterConnectorsToo) {
  using pipeline::SnapshotMode;
  const auto mode = [](const char* value) {
    return LoadWith({{"snapshot.mode", value}}).pipeline.snapshot_mode;
  };
  EXPECT_EQ(mode("initial"), SnapshotMode::kInitial);
  EXPECT_EQ(mode("never"), SnapshotMode::kNever);
  EXPECT_EQ(mode("no_data"), SnapshotMode::kNever);
  EXPECT_EQ(mode("always"), SnapshotMode::kAlways);
  EXPECT_EQ(mode("initial_only"), SnapshotMode::kInitialOnly);
  EXPECT_EQ(mode("WHEN_NEEDED"), SnapshotMode::kWhenNeeded);
}

TEST(ConfigurationTest, HowACopyRunsIsReadInFull) {
  const pipeline::Options defaults = LoadWith({}).pipeline;
  EXPECT_EQ(defaults.snapshot_streaming, pipeline::SnapshotStreaming::kConcurrent);
  EXPECT_EQ(defaults.snapshot_threads, 1);
  const pipeline::Options options =
      LoadWith({{"snapshot.streaming", "after"},
                {"snapshot.max.threads", "4"},
                {"snapshot.max.documents.per.second", "5000"},
                {"snapshot.max.bytes.per.second", "5000000000"},
                {"snapshot.include.collection.list", "shop\\.o.*, shop.customers"}})
          .pipeline;
  EXPECT_EQ(options.snapshot_streaming, pipeline::SnapshotStreaming::kAfter);
  EXPECT_EQ(options.snapshot_threads, 4);
  EXPECT_EQ(options.snapshot_documents_per_second, 5000);
  EXPECT_EQ(options.snapshot_bytes_per_second, 5'000'000'000);
  ASSERT_EQ(options.snapshot_include.size(), 2);
  EXPECT_TRUE(*options.snapshot_include[0].FullMatch("shop.orders"));
  EXPECT_FALSE(*options.snapshot_include[0].FullMatch("shop.customers"));
}

TEST(ConfigurationTest, NotificationsGoToTheChannelsThatAreAskedFor) {
  const Configuration none = LoadWith({{"notification.sink.topic.name", "told"}});
  EXPECT_FALSE(none.pipeline.notify_log);
  EXPECT_EQ(none.pipeline.notification_topic, "");
  const Configuration both = LoadWith(
      {{"notification.enabled.channels", "sink, LOG"}, {"notification.sink.topic.name", "told"}});
  EXPECT_TRUE(both.pipeline.notify_log);
  EXPECT_EQ(both.pipeline.notification_topic, "told");
}

TEST(ConfigurationTest, TheFailureModesAreDebeziums) {
  using pipeline::FailureMode;
  const auto mode = [](const char* value) {
    return LoadWith({{"event.processing.failure.handling.mode", value}}).pipeline.failure_mode;
  };
  EXPECT_EQ(mode("fail"), FailureMode::kFail);
  EXPECT_EQ(mode("WARN"), FailureMode::kWarn);
  EXPECT_EQ(mode("skip"), FailureMode::kSkip);
  EXPECT_EQ(mode("ignore"), FailureMode::kSkip);
}

TEST(ConfigurationTest, ABrokerMeansKafkaAndItsDefaultTopic) {
  const Configuration c = LoadWith({{"bootstrap.servers", "a:1,b:2"}});
  EXPECT_EQ(c.sink.type, sink::Type::kKafka);
  EXPECT_EQ(c.sink.kafka.bootstrap_servers, "a:1,b:2");
  EXPECT_EQ(c.offsets.topic, "connect-offsets");
  EXPECT_EQ(c.offsets.file_name, "");
  EXPECT_THAT(c.notes,
              ElementsAre("offset.storage.topic: is not given, so offsets are stored in the "
                          "topic 'connect-offsets'; to continue from a Kafka Connect's, "
                          "give the name of its topic"));
}

TEST(ConfigurationTest, KafkasPropertiesAreSortedByTheirPrefix) {
  const kafka::Options kafka = LoadWith({{"bootstrap.servers", "a:1"},
                                         {"security.protocol", "SASL_SSL"},
                                         {"sasl.mechanism", "PLAIN"},
                                         {"ssl.truststore.location", "/ca.pem"},
                                         {"client.id", "me"},
                                         {"producer.retries", "2"},
                                         {"producer.acks", "1"},
                                         {"producer.override.acks", " all "},
                                         {"consumer.max.poll.records", "1"},
                                         {"topic.creation.default.partitions", "-1"},
                                         {"topic.creation.default.replication.factor", "3"}})
                                   .sink.kafka;
  EXPECT_THAT(kafka.common, ElementsAre(Pair("client.id", "me"), Pair("sasl.mechanism", "PLAIN"),
                                        Pair("security.protocol", "SASL_SSL"),
                                        Pair("ssl.truststore.location", "/ca.pem")));
  EXPECT_THAT(kafka.producer, ElementsAre(Pair("acks", "1"), Pair("retries", "2")));
  EXPECT_THAT(kafka.producer_override, ElementsAre(Pair("acks", "all")));
  EXPECT_EQ(kafka.topic_partitions, -1);
  EXPECT_EQ(kafka.topic_replication_factor, 3);
}

TEST(ConfigurationTest, TopicsAreNotMadeWhenThatIsSwitchedOff) {
  const kafka::Options kafka = LoadWith({{"bootstrap.servers", "a:1"},
                                         {"topic.creation.enable", "False"},
                                         {"topic.creation.default.partitions", "6"},
                                         {"topic.creation.default.replication.factor", "3"}})
                                   .sink.kafka;
  EXPECT_EQ(kafka.topic_partitions, 0);
  EXPECT_EQ(kafka.topic_replication_factor, 0);
}

TEST(ConfigurationTest, OffsetsGoWhereTheyAreSent) {
  const offsets::Options topic = LoadWith({{"bootstrap.servers", "a:1"},
                                           {"name", "mongo-src"},
                                           {"offset.storage.topic", "my-offsets"},
                                           {"offset.storage.partitions", "5"},
                                           {"offset.storage.replication.factor", "3"},
                                           {"offset.flush.interval.ms", "10"},
                                           {"offset.flush.timeout.ms", "20"}})
                                     .offsets;
  EXPECT_EQ(topic.connector_name, "mongo-src");
  EXPECT_EQ(topic.topic, "my-offsets");
  EXPECT_EQ(topic.file_name, "");
  EXPECT_EQ(topic.topic_partitions, 5);
  EXPECT_EQ(topic.topic_replication_factor, 3);
  EXPECT_EQ(topic.flush_interval, absl::Milliseconds(10));
  EXPECT_EQ(topic.flush_timeout, absl::Milliseconds(20));
  // As Kafka Connect's standalone mode does.
  const offsets::Options file =
      LoadWith({{"bootstrap.servers", "a:1"}, {"offset.storage.file.filename", "/tmp/o"}}).offsets;
  EXPECT_EQ(file.file_name, "/tmp/o");
  EXPECT_EQ(file.topic, "");
}

TEST(ConfigurationTest, TheStoresClassChoosesWhereNeitherIsNamed) {
  const std::string package = "org.apache.kafka.connect.storage.";
  const RawProperties to_file = {{"bootstrap.servers", "a:1"},
                                 {"offset.storage", package + "FileOffsetBackingStore"}};
  EXPECT_EQ(LoadWith(to_file).offsets.file_name, "shop.offsets");
  const RawProperties to_kafka = {{"bootstrap.servers", "a:1"},
                                  {"sink.type", "stdout"},
                                  {"offset.storage", package + "KafkaOffsetBackingStore"}};
  EXPECT_EQ(LoadWith(to_kafka).offsets.topic, "connect-offsets");
}

TEST(ConfigurationTest, TheDefaultOffsetFileIsOneFileInTheWorkingDirectory) {
  EXPECT_EQ(LoadWith({{"mongodb.name", "../my shop"}}).offsets.file_name, ".._my_shop.offsets");
}

TEST(ConfigurationTest, EventsMayGoToAFileBesideABroker) {
  const Configuration c = LoadWith(
      {{"bootstrap.servers", "a:1"}, {"sink.type", "FILE"}, {"sink.file.path", "/tmp/events"}});
  EXPECT_EQ(c.sink.type, sink::Type::kFile);
  EXPECT_EQ(c.sink.file_path, "/tmp/events");
  EXPECT_EQ(c.offsets.file_name, "shop.offsets");
}

TEST(ConfigurationTest, AConnectorWithoutABrokerIsToldWhereItsEventsGo) {
  const RawProperties connector = {
      {"connector.class", "io.debezium.connector.mongodb.MongoDbConnector"}};
  EXPECT_THAT(LoadWith(connector).notes,
              ElementsAre("bootstrap.servers: is not given, so events are written to standard "
                          "output; to write to Kafka, give it here, or the worker's file by "
                          "--worker"));
  RawProperties chosen = connector;
  chosen["sink.type"] = "stdout";
  EXPECT_THAT(LoadWith(chosen).notes, IsEmpty());
}

TEST(ConfigurationTest, ConnectsShortNamesOfClassesAreKnown) {
  for (const char* name : {"MongoDbConnector", "MongoDb", "mongodb",
                           " io.debezium.connector.mongodb.MongoDbConnector "}) {
    LoadWith({{"connector.class", name}, {"sink.type", "stdout"}});
  }
  for (const char* name :
       {"org.apache.kafka.connect.json.JsonConverter", "JsonConverter", "json"}) {
    LoadWith({{"key.converter", name}, {"value.converter", name}});
  }
}

TEST(ConfigurationTest, TheLogIsReadInFull) {
  const base::LogOptions log = LoadWith({{"log.format", "json"}, {"log.level", "DEBUG"}}).log;
  EXPECT_EQ(log.format, base::LogFormat::kJson);
  EXPECT_EQ(log.level, base::LogLevel::kDebug);
}

TEST(ConfigurationTest, WhatHasNoEffectIsToldOnceForEachReason) {
  EXPECT_THAT(
      LoadWith({{"tasks.max", "1"},
                {"max.queue.size", "100"},
                {"max.batch.size", "10"},
                {"sanitize.field.names", "true"},
                {"errors.tolerance", "all"},
                {"errors.log.enable", "true"}})
          .notes,
      ElementsAre("tasks.max: no effect: one process captures all that it is told to",
                  HasSubstr("sanitize.field.names: no effect: documents are written as JSON"),
                  "max.queue.size, max.batch.size: no effect: events wait in the Kafka producer's "
                  "own queue, which producer.buffer.memory bounds",
                  HasSubstr("errors.log.enable, errors.tolerance: no effect: ")));
}

TEST(ConfigurationTest, ARefusedPropertysDefaultIsNoMistake) {
  EXPECT_THAT(LoadWith({{"exactly.once.support", "requested"}, {"transforms", ""}}).notes,
              IsEmpty());
}

TEST(ConfigurationTest, WhatIsNotedOfKafkasOwnPropertiesIsAmongTheNotes) {
  const auto loaded =
      Load(std::nullopt,
           WithRequired(
               {{"bootstrap.servers", "a:1"}, {"offset.storage.topic", "o"}, {"tasks.max", "2"}}),
           [](const kafka::Options&) { return std::vector<std::string>{"x: is noted"}; });
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->notes, ElementsAre(HasSubstr("tasks.max: no effect"), "x: is noted"));
}

Reloaded MustReload(const Configuration& running, RawProperties properties) {
  absl::StatusOr<Reloaded> reloaded =
      Reload(running, std::nullopt, WithRequired(std::move(properties)));
  EXPECT_TRUE(reloaded.ok()) << reloaded.status();
  return reloaded.ok() ? *std::move(reloaded) : Reloaded();
}

TEST(ReloadTest, TakesOverFiltersAndCredentials) {
  const Configuration running = LoadWith(
      {{"collection.include.list", "a.b"}, {"mongodb.user", "u"}, {"mongodb.password", "p"}});
  const Reloaded reloaded = MustReload(
      running,
      {{"collection.exclude.list", "c.d"}, {"mongodb.user", "u"}, {"mongodb.password", "q"}});
  EXPECT_THAT(reloaded.changed,
              UnorderedElementsAre("collection.include.list", "collection.exclude.list",
                                   "mongodb.password"));
  EXPECT_THAT(reloaded.ignored, IsEmpty());
  EXPECT_THAT(reloaded.configuration.filter.collection_include, IsEmpty());
  EXPECT_THAT(PatternsOf(reloaded.configuration.filter.collection_exclude), ElementsAre("c.d"));
  EXPECT_EQ(reloaded.configuration.mongo.password, "q");
}

TEST(ReloadTest, LeavesWhatNeedsANewStart) {
  const Configuration running = LoadWith({{"offset.flush.interval.ms", "5"}, {"tasks.max", "1"}});
  const Reloaded reloaded =
      MustReload(running, {{"http.port", "1"}, {"tasks.max", "1"}, {"mongodb.name", "other"}});
  EXPECT_THAT(reloaded.changed, IsEmpty());
  EXPECT_THAT(reloaded.ignored,
              UnorderedElementsAre("offset.flush.interval.ms", "http.port", "mongodb.name"));
  EXPECT_EQ(reloaded.configuration.offsets.flush_interval, absl::Milliseconds(5));
  EXPECT_EQ(reloaded.configuration.http.port, http::Options().port);
  EXPECT_EQ(reloaded.configuration.encoding.logical_name, "shop");
}

TEST(ReloadTest, RefusesMistakes) {
  const Configuration running = LoadWith({});
  EXPECT_EQ(Reload(running, std::nullopt, WithRequired({{"no.such.name", "1"}})).status().code(),
            absl::StatusCode::kInvalidArgument);
  // Of what would wait for a new start, too.
  EXPECT_EQ(Reload(running, std::nullopt, WithRequired({{"http.port", "-2"}})).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ReadFileTest, TellsTheTwoFormsApart) {
  const TemporaryDirectory directory;
  EXPECT_THAT(*ReadFile(directory.Write("a", "# comment\na=1\n")), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(*ReadFile(directory.Write("b", "\n {\"a\": 1}")), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(*ReadFile(directory.Write("c", "\xef\xbb\xbf{\"name\": \"n\", \"config\": {}}")),
              ElementsAre(Pair("name", "n")));
  EXPECT_THAT(*ReadFile(directory.Write("d", "")), IsEmpty());
}

TEST(ReadFileTest, MistakesNameTheFile) {
  const TemporaryDirectory directory;
  const std::string none = directory.path() + "/none";
  EXPECT_EQ(
      ReadFile(none).status(),
      absl::NotFoundError("the file '" + none + "' cannot be read: No such file or directory"));
  EXPECT_EQ(
      ReadFile(directory.path()).status(),
      absl::NotFoundError("the file '" + directory.path() + "' cannot be read: Is a directory"));
  const std::string json = directory.Write("c.json", "{\"a\": [], \"b\": null}");
  EXPECT_EQ(
      ReadFile(json).status(),
      absl::InvalidArgumentError(json + ": a: is an array; give a string, a number or a boolean\n" +
                                 json + ": b: is null; give a string, a number or a boolean"));
  const std::string properties = directory.Write("c.properties", "a=\\u1\n");
  EXPECT_EQ(ReadFile(properties).status(),
            absl::InvalidArgumentError(properties +
                                       ": line 1: \\u needs four hexadecimal digits after it"));
}

}  // namespace
}  // namespace shardtail::config
