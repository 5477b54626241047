#include "shard_discovery/deployment_finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/fake_clock.h"

namespace shardtail::shard_discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;

mongo::SeedSet Seeds(std::string replica_set, std::string host) {
  return {.replica_set = std::move(replica_set), .hosts = {{.host = std::move(host), .port = 1}}};
}

ReplicaSet Shard(const std::string& shard) {
  return {.name = "rs-" + shard, .shard = shard, .seeds = Seeds("rs-" + shard, shard)};
}

// Primaries by the host of the seed.
class DeploymentFinderTest : public ::testing::Test {
 protected:
  DeploymentFinderTest() { options_.server_selection_timeout = absl::Seconds(1); }

  void AddPrimary(const std::string& host, std::string replica_set, bool config_server = false) {
    ServerDescription description;
    description.role = ServerRole::kPrimary;
    description.replica_set = std::move(replica_set);
    description.config_server = config_server;
    servers_[host] = description;
  }

  DeploymentFinder Finder() {
    return DeploymentFinder(
        options_, clock_,
        [this](const mongo::ConnectionOptions&, const mongo::HostAndPort& server,
               const auto&...) -> absl::StatusOr<FoundMember> {
          ++asked_[server.host];
          const auto found = servers_.find(server.host);
          if (found == servers_.end()) return absl::UnavailableError("connection refused");
          return FoundMember{.client = nullptr, .description = found->second};
        },
        [this](mongo::Client*, const auto&) { return shards_; });
  }

  mongo::ConnectionOptions options_;
  fakes::FakeClock clock_;
  std::map<std::string, ServerDescription> servers_;
  std::map<std::string, int> asked_;
  absl::StatusOr<std::vector<ReplicaSet>> shards_ = std::vector<ReplicaSet>();
};

TEST_F(DeploymentFinderTest, ConfigServersStandForTheShardsOfTheirCluster) {
  options_.seeds = {Seeds("", "cfg")};
  AddPrimary("cfg", "cfg", true);
  shards_ = std::vector{Shard("b"), Shard("a")};
  DeploymentFinder finder = Finder();
  auto found = finder.Find(std::nullopt, {});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE(found->sharded);
  EXPECT_THAT(found->config_servers, ElementsAre(Field(&ConfigServer::replica_set, "cfg")));
  EXPECT_THAT(found->replica_sets, ElementsAre(Shard("a"), Shard("b")));
  shards_ = std::vector{Shard("a")};
  found = finder.Find(std::nullopt, {});
  EXPECT_THAT(found->config_servers, ElementsAre(Field(&ConfigServer::replica_set, "cfg")));
  EXPECT_THAT(found->replica_sets, ElementsAre(Shard("a")));
}

TEST_F(DeploymentFinderTest, SeveralReplicaSetsAreFoundOnceAndNotAskedAgain) {
  options_.seeds = {Seeds("", "x"), Seeds("rs1", "y"), Seeds("", "x2")};
  AddPrimary("x", "rs0");
  AddPrimary("x2", "rs0");
  AddPrimary("y", "rs1");
  DeploymentFinder finder = Finder();
  const auto found = finder.Find(std::nullopt, {});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_FALSE(found->sharded);
  EXPECT_THAT(found->replica_sets,
              ElementsAre(Field(&ReplicaSet::name, "rs0"), Field(&ReplicaSet::name, "rs1")));
  EXPECT_TRUE(finder.Find(std::nullopt, {}).ok());
  EXPECT_EQ(asked_["y"], 1);
}

TEST_F(DeploymentFinderTest, AReplicaSetThatIsDownHoldsUpNoOther) {
  options_.seeds = {Seeds("rs0", "down"), Seeds("", "x")};
  AddPrimary("x", "rs1");
  const auto found = Finder().Find(std::nullopt, {});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(found->replica_sets,
              ElementsAre(Field(&ReplicaSet::name, "rs0"), Field(&ReplicaSet::name, "rs1")));
}

TEST_F(DeploymentFinderTest, TheOnlyReplicaSetMustAnswer) {
  options_.seeds = {Seeds("rs0", "down")};
  EXPECT_EQ(Finder().Find(std::nullopt, {}).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(DeploymentFinderTest, AListOfShardsThatCannotBeReadIsAnError) {
  options_.seeds = {Seeds("", "cfg")};
  AddPrimary("cfg", "cfg", true);
  shards_ = absl::PermissionDeniedError("not authorized on config");
  EXPECT_EQ(Finder().Find(std::nullopt, {}).status(), shards_.status());
}

}  // namespace
}  // namespace shardtail::shard_discovery
