#include "shard_discovery/server_description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>

namespace shardtail::shard_discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

bson::Document Json(std::string_view json) {
  absl::StatusOr<bson::Document> document = bson::FromJson(json);
  EXPECT_TRUE(document.ok()) << json << ": " << document.status();
  return document.ok() ? *document : bson::Document();
}

// What real servers answered, in each of their roles: 4.2.6, 4.4.2, 5.0.4, 6.0.5.
TEST(ServerDescriptionTest, EveryRoleOfARealServerIsRecognised) {
  const std::map<std::string, ServerRole> roles = {
      {"standalone", ServerRole::kStandalone}, {"uninitiated", ServerRole::kUninitiated},
      {"rs-primary", ServerRole::kPrimary},    {"rs-hidden-secondary", ServerRole::kSecondary},
      {"rs-arbiter", ServerRole::kArbiter},    {"configsvr", ServerRole::kPrimary},
      {"shard", ServerRole::kPrimary},
  };
  const std::map<std::string, int> wire_versions = {
      {"4.2", 8}, {"4.4", 9}, {"5.0", 13}, {"6.0", 17}};
  std::ifstream file(std::string(TESTDATA_DIR) + "/hello.jsonl");
  int read = 0;
  for (std::string line; std::getline(file, line); ++read) {
    const bson::Document answer = Json(line);
    const std::string kind(answer.view().Find("kind")->AsString());
    const std::string version(answer.view().Find("version")->AsString());
    SCOPED_TRACE(testing::Message() << version << " " << kind);
    const std::string role = kind.substr(kind.find('/') + 1);
    const ServerDescription description = ParseServerDescription(
        answer.view().Find("doc")->AsDocument(), bson::Builder().String("version", version).view());
    ASSERT_TRUE(roles.contains(role));
    EXPECT_EQ(description.role, roles.at(role));
    EXPECT_EQ(description.config_server, role == "configsvr");
    EXPECT_EQ(description.max_wire_version, wire_versions.at(version));
    EXPECT_EQ(description.version, version);
    const bool is_member = role != "standalone" && role != "uninitiated";
    EXPECT_EQ(description.replica_set.empty(), !is_member);
    EXPECT_EQ(description.hosts.size(), is_member ? 1U : 0U);
    if (is_member) {
      EXPECT_EQ(description.primary, description.hosts[0].ToString());
      EXPECT_EQ(description.me == description.primary, description.role == ServerRole::kPrimary);
    }
  }
  EXPECT_EQ(read, 49);
}

TEST(ServerDescriptionTest, AMongosIsKnownByItsMessage) {
  EXPECT_EQ(
      ParseServerDescription(Json(R"({"isWritablePrimary": true, "msg": "isdbgrid"})"), Json("{}"))
          .role,
      ServerRole::kMongos);
}

TEST(ServerDescriptionTest, AMemberThatIsStartingIsNeitherPrimaryNorSecondary) {
  EXPECT_EQ(ParseServerDescription(Json(R"({"setName": "rs0", "isWritablePrimary": false,
                                             "secondary": false})"),
                                   Json("{}"))
                .role,
            ServerRole::kOtherMember);
}

TEST(ServerDescriptionTest, MembersWithoutAVoteToWinHoldDataToo) {
  const ServerDescription description = ParseServerDescription(
      Json(R"({"setName": "rs0", "secondary": true, "hosts": ["a:1", "nonsense:x", "[::1]:2", 3],
               "passives": ["b:3"], "arbiters": ["c:4"]})"),
      Json("{}"));
  EXPECT_THAT(description.hosts,
              ElementsAre(mongo::HostAndPort{"a", 1}, mongo::HostAndPort{"::1", 2},
                          mongo::HostAndPort{"b", 3}));
}

TEST(ServerDescriptionTest, AnEmptyAnswerIsAStandalones) {
  const ServerDescription description = ParseServerDescription(Json("{}"), Json("{}"));
  EXPECT_EQ(description.role, ServerRole::kStandalone);
  EXPECT_EQ(description.max_wire_version, 0);
  EXPECT_THAT(description.hosts, IsEmpty());
}

TEST(ParseHostAndPortTest, ReadsWhatServersList) {
  EXPECT_EQ(*ParseHostAndPort("db1.example.com:27018"),
            (mongo::HostAndPort{"db1.example.com", 27018}));
  EXPECT_EQ(*ParseHostAndPort("db1"), (mongo::HostAndPort{"db1", 27017}));
  EXPECT_EQ(*ParseHostAndPort("[fe80::1]:1"), (mongo::HostAndPort{"fe80::1", 1}));
  EXPECT_EQ(*ParseHostAndPort("[fe80::1]"), (mongo::HostAndPort{"fe80::1", 27017}));
  EXPECT_EQ(ParseHostAndPort("[::1]:65535")->ToString(), "[::1]:65535");
}

TEST(ParseHostAndPortTest, RefusesTheRest) {
  for (const char* text : {"", ":1", "a:", "a:x", "a:0", "a:65536", "a:1x", "a:-1", "fe80::1",
                           "[::1", "[]:1", "[::1]x", "[::1]:", "a:1:2"}) {
    const auto parsed = ParseHostAndPort(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(std::string(parsed.status().message()),
              "'" + std::string(text) + "' is not of the form host:port");
  }
}

}  // namespace
}  // namespace shardtail::shard_discovery
