#include "config/mongodb_hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardtail::config {
namespace {

using ::testing::IsEmpty;

// `name/host:port,host:port;…`
std::string Parsed(std::string_view text) {
  const auto sets = ParseSeedSets(text);
  EXPECT_TRUE(sets.ok()) << sets.status();
  std::string shown;
  for (const mongo::SeedSet& set : sets.value_or(std::vector<mongo::SeedSet>())) {
    if (!shown.empty()) shown += ';';
    shown += set.replica_set + '/';
    for (const mongo::HostAndPort& host : set.hosts) {
      if (shown.back() != '/') shown += ',';
      shown += host.ToString();
    }
  }
  return shown;
}

std::string ErrorOf(std::string_view text) {
  const auto sets = ParseSeedSets(text);
  EXPECT_EQ(sets.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(sets.status().message());
}

TEST(MongodbHostsTest, AReplicaSetsNameStandsBeforeItsHosts) {
  EXPECT_EQ(Parsed("rs0/a:1,b:2"), "rs0/a:1,b:2");
  EXPECT_EQ(Parsed(" rs0/ a:1 , b:2 ,"), "rs0/a:1,b:2");
}

TEST(MongodbHostsTest, PlainSeedsHaveNoName) {
  EXPECT_EQ(Parsed("a:1,b:2"), "/a:1,b:2");
  EXPECT_EQ(Parsed("10.0.0.1"), "/10.0.0.1:27017");
}

TEST(MongodbHostsTest, ThePortMayBeLeftOut) { EXPECT_EQ(Parsed("rs0/a,b:3"), "rs0/a:27017,b:3"); }

TEST(MongodbHostsTest, AnIpv6AddressStandsInBrackets) {
  EXPECT_EQ(Parsed("rs0/[::1]:28000,[fe80::2]"), "rs0/[::1]:28000,[fe80::2]:27017");
}

TEST(MongodbHostsTest, AShardsNameIsPassedOver) {
  EXPECT_EQ(Parsed("shard1=rs0/a:1;shard2=rs1/b:2"), "rs0/a:1;rs1/b:2");
}

TEST(MongodbHostsTest, SemicolonsSeparateReplicaSets) {
  EXPECT_EQ(Parsed("rs0/a:1,b:2; rs1/c:3;"), "rs0/a:1,b:2;rs1/c:3");
  const auto none = ParseSeedSets(" ");
  ASSERT_TRUE(none.ok());
  EXPECT_THAT(*none, IsEmpty());
}

TEST(MongodbHostsTest, EachMistakeNamesItsPart) {
  EXPECT_EQ(ErrorOf("/a:1"), "'/a:1' has no replica set's name before the '/'");
  EXPECT_EQ(ErrorOf("s1=/a:1"), "'s1=/a:1' has no replica set's name before the '/'");
  EXPECT_EQ(ErrorOf("rs0/"), "'rs0/' has no host after it");
  EXPECT_EQ(ErrorOf("rs0/:1"), "':1' has no host's name");
  EXPECT_EQ(ErrorOf("rs0/a:"), "'a:' has no port from 1 to 65535 after the ':'");
  EXPECT_EQ(ErrorOf("rs0/a:0"), "'a:0' has no port from 1 to 65535 after the ':'");
  EXPECT_EQ(ErrorOf("rs0/a:65536"), "'a:65536' has no port from 1 to 65535 after the ':'");
  EXPECT_EQ(ErrorOf("rs0/a:x"), "'a:x' has no port from 1 to 65535 after the ':'");
  EXPECT_EQ(ErrorOf("rs0/::1"), "'::1' has more than one ':'; write an IPv6 address in brackets");
  EXPECT_EQ(ErrorOf("[::1"), "'[::1' lacks the ']' after an IPv6 address");
  EXPECT_EQ(ErrorOf("[::1]27"), "'[::1]27' has no ':' after the ']'");
  EXPECT_EQ(ErrorOf("[]:1"), "'[]:1' has no host's name");
  EXPECT_EQ(ErrorOf("rs0/a:1 b:2"),
            "'a:1 b:2' has more than one ':'; write an IPv6 address in "
            "brackets");
  EXPECT_EQ(ErrorOf("rs0/a b"), "'a b' has a blank in it; separate hosts by ','");
  EXPECT_EQ(ErrorOf("rs0/a:1,rs1/b:2"),
            "'rs1/b:2' names a second replica set; separate replica sets by ';'");
}

TEST(MongodbHostsTest, EveryReplicaSetsMistakeIsTold) {
  EXPECT_EQ(ErrorOf("rs0/:1;rs1/b:2;rs2/c:x"),
            "':1' has no host's name\n'c:x' has no port from 1 to 65535 after the ':'");
}

TEST(MongodbHostsTest, CredentialsAreNotRepeated) {
  for (const char* text : {"mongodb://joe:hush@a:1", "joe:hush@a:1", "rs0/joe:hush@a:1"}) {
    EXPECT_THAT(ErrorOf(text), ::testing::Not(::testing::HasSubstr("hush"))) << text;
    EXPECT_THAT(ErrorOf(text), ::testing::HasSubstr("mongodb.password")) << text;
  }
}

}  // namespace
}  // namespace shardtail::config
