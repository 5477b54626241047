#include "config/property_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace shardtail::config {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

struct Expected {
  const char* name;
  const char* default_text;
  Effect effect;
};

// The properties of the Debezium 1.3 connector, and what each comes to here.
constexpr Expected kDebeziumProperties[] = {
    {"name", "`mongodb.name`", Effect::kImplemented},
    {"connector.class", "io.debezium.connector.mongodb.MongoDbConnector", Effect::kImplemented},
    {"tasks.max", "1", Effect::kNone},
    {"mongodb.hosts", "", Effect::kImplemented},
    {"mongodb.name", "", Effect::kImplemented},
    {"mongodb.user", "", Effect::kImplemented},
    {"mongodb.password", "", Effect::kImplemented},
    {"mongodb.authsource", "admin", Effect::kImplemented},
    {"mongodb.ssl.enabled", "false", Effect::kImplemented},
    {"mongodb.ssl.invalid.hostname.allowed", "false", Effect::kImplemented},
    {"mongodb.members.auto.discover", "true", Effect::kImplemented},
    {"mongodb.poll.interval.ms", "30000", Effect::kImplemented},
    {"mongodb.connect.timeout.ms", "10000", Effect::kImplemented},
    {"mongodb.socket.timeout.ms", "0", Effect::kImplemented},
    {"mongodb.server.selection.timeout.ms", "30000", Effect::kImplemented},
    {"database.include.list", "", Effect::kImplemented},
    {"database.exclude.list", "", Effect::kImplemented},
    {"collection.include.list", "", Effect::kImplemented},
    {"collection.exclude.list", "", Effect::kImplemented},
    {"field.exclude.list", "", Effect::kImplemented},
    {"field.renames", "", Effect::kImplemented},
    {"snapshot.mode", "initial", Effect::kImplemented},
    {"snapshot.delay.ms", "0", Effect::kImplemented},
    {"snapshot.fetch.size", "0", Effect::kImplemented},
    {"initial.sync.max.threads", "1", Effect::kImplemented},
    {"tombstones.on.delete", "true", Effect::kImplemented},
    {"max.queue.size", "8192", Effect::kNone},
    {"max.batch.size", "2048", Effect::kNone},
    {"poll.interval.ms", "500", Effect::kNone},
    {"connect.backoff.initial.delay.ms", "1000", Effect::kImplemented},
    {"connect.backoff.max.delay.ms", "120000", Effect::kImplemented},
    {"connect.max.attempts", "16", Effect::kImplemented},
    {"retriable.restart.connector.wait.ms", "10000", Effect::kNone},
    {"source.struct.version", "v2", Effect::kImplemented},
    {"heartbeat.interval.ms", "0", Effect::kImplemented},
    {"heartbeat.topics.prefix", "__debezium-heartbeat", Effect::kImplemented},
    {"sanitize.field.names", "false", Effect::kNone},
    {"skipped.operations", "", Effect::kImplemented},
    {"provide.transaction.metadata", "false", Effect::kImplemented},
    // Not in its documentation:
    {"event.processing.failure.handling.mode", "fail", Effect::kImplemented},
};

std::vector<const Property*> AllProperties() {
  std::vector<const Property*> all;
  for (const PropertyGroup& group : PropertyTable()) {
    for (const Property& property : group.properties) all.push_back(&property);
  }
  return all;
}

std::string ReadText(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

TEST(PropertyTableTest, EveryPropertyOfTheDebeziumConnectorIsThereWithItsDefault) {
  for (const Expected& expected : kDebeziumProperties) {
    const Property* const property = FindProperty(expected.name);
    ASSERT_NE(property, nullptr) << expected.name;
    EXPECT_EQ(property->name, expected.name);
    EXPECT_EQ(property->default_text, expected.default_text) << expected.name;
    EXPECT_EQ(property->effect, expected.effect) << expected.name;
  }
}

TEST(PropertyTableTest, EveryLineIsComplete) {
  for (const Property* property : AllProperties()) {
    EXPECT_THAT(property->name, Not(IsEmpty()));
    EXPECT_THAT(property->type, Not(IsEmpty())) << property->name;
    EXPECT_THAT(property->help, Not(IsEmpty())) << property->name;
    EXPECT_EQ(property->help.find('\n'), std::string::npos) << property->name;
    EXPECT_TRUE(property->read) << property->name;
  }
}

TEST(PropertyTableTest, NoNameIsThereTwice) {
  std::set<std::string> names;
  for (const Property* property : AllProperties()) {
    EXPECT_TRUE(names.insert(property->name).second) << property->name;
    for (const std::string& other : property->other_names) {
      EXPECT_TRUE(names.insert(other).second) << other;
    }
  }
}

TEST(PropertyTableTest, EveryPropertyAcceptsItsDefault) {
  for (const Property* property : AllProperties()) {
    if (property->default_text.find('`') != std::string::npos) continue;
    if (property->default_text.empty() && property->effect != Effect::kRefused) continue;
    Configuration configuration;
    const absl::Status status =
        property->read(property->name, property->default_text, configuration);
    EXPECT_TRUE(status.ok()) << property->name << ": " << status;
  }
}

TEST(PropertyTableTest, ARefusedPropertyAcceptsNothingElse) {
  for (const Property* property : AllProperties()) {
    if (property->effect != Effect::kRefused) continue;
    Configuration configuration;
    EXPECT_FALSE(property->read(property->name, "other", configuration).ok()) << property->name;
  }
}

TEST(PropertyTableTest, ANameBelongsToItsOwnLineElseToTheLongestFamily) {
  EXPECT_EQ(FindProperty("producer.acks")->name, "producer.*");
  EXPECT_EQ(FindProperty("producer.override.acks")->name, "producer.override.*");
  EXPECT_EQ(FindProperty("key.converter.schemas.enable")->name, "key.converter.schemas.enable");
  EXPECT_EQ(FindProperty("key.converter.other")->name, "key.converter.*");
  EXPECT_EQ(FindProperty("producer."), nullptr);
  EXPECT_EQ(FindProperty("producer"), nullptr);
  EXPECT_EQ(FindProperty(""), nullptr);
}

TEST(PropertyTableTest, OtherNamesStandForOneOfTheTable) {
  EXPECT_EQ(CurrentName("topic.prefix"), "mongodb.name");
  EXPECT_EQ(CurrentName("mongodb.name"), "mongodb.name");
  EXPECT_EQ(CurrentName("none"), "none");
}

TEST(PropertyTableTest, TheReferenceInTheDocumentsIsThisTable) {
  // Not EXPECT_EQ: it would print both in full.
  EXPECT_TRUE(ReadText(CONFIGURATION_MD) == ReferenceMarkdown())
      << "print it anew: shardtail config > docs/configuration.md";
}

}  // namespace
}  // namespace shardtail::config
