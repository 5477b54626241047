#include "shard_discovery/privileges.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace shardtail::shard_discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The privileges of a user who is logged in; a list of {resource, actions}.
PrivilegeSet Privileges(std::string_view list,
                        std::string_view users = R"({"user": "u", "db": "admin"})") {
  const auto reply = bson::FromJson(fmt::format(
      R"({{"authInfo": {{"authenticatedUsers": [{}], "authenticatedUserRoles": [],
           "authenticatedUserPrivileges": [{}]}}, "ok": 1}})",
      users, list));
  EXPECT_TRUE(reply.ok()) << reply.status();
  return PrivilegeSet::Parse(*reply);
}

constexpr char kReadLocal[] =
    R"({"resource": {"db": "local", "collection": ""}, "actions": ["find"]})";
constexpr char kReadAnyDatabase[] =
    R"({"resource": {"db": "", "collection": ""}, "actions": ["find", "listCollections"]},
       {"resource": {"cluster": true}, "actions": ["listDatabases"]})";

TEST(PrivilegeSetTest, APrivilegeOnADatabaseCoversItsCollectionsButTheSystems) {
  const PrivilegeSet privileges =
      Privileges(R"({"resource": {"db": "shop", "collection": ""}, "actions": ["find"]})");
  EXPECT_TRUE(privileges.Allows("find", "shop", "orders"));
  EXPECT_FALSE(privileges.Allows("insert", "shop", "orders"));
  EXPECT_FALSE(privileges.Allows("find", "shop2", "orders"));
  EXPECT_FALSE(privileges.Allows("find", "shop", "system.js"));
}

TEST(PrivilegeSetTest, APrivilegeOnEveryDatabaseLeavesOutLocalAndConfig) {
  const PrivilegeSet privileges = Privileges(kReadAnyDatabase);
  EXPECT_TRUE(privileges.Allows("find", "shop", "orders"));
  EXPECT_FALSE(privileges.Allows("find", "local", "oplog.rs"));
  EXPECT_FALSE(privileges.Allows("find", "config", "shards"));
}

TEST(PrivilegeSetTest, APrivilegeOnACollectionCoversThatOne) {
  const PrivilegeSet privileges = Privileges(
      R"({"resource": {"db": "local", "collection": "oplog.rs"}, "actions": ["find"]},
         {"resource": {"db": "", "collection": "orders"}, "actions": ["find"]})");
  EXPECT_TRUE(privileges.Allows("find", "local", "oplog.rs"));
  EXPECT_FALSE(privileges.Allows("find", "local", "startup_log"));
  EXPECT_TRUE(privileges.Allows("find", "any", "orders"));
  EXPECT_FALSE(privileges.Allows("find", "any", "others"));
}

TEST(PrivilegeSetTest, AnyResourceIsEverything) {
  const PrivilegeSet privileges =
      Privileges(R"({"resource": {"anyResource": true}, "actions": ["find", "listDatabases"]})");
  EXPECT_TRUE(privileges.Allows("find", "local", "oplog.rs"));
  EXPECT_TRUE(privileges.Allows("find", "shop", "system.js"));
}

TEST(PrivilegeSetTest, WithoutAUserNobodyIsAuthenticated) {
  EXPECT_FALSE(Privileges("", "").authenticated());
  EXPECT_FALSE(PrivilegeSet::Parse(bson::Document()).authenticated());
  EXPECT_TRUE(Privileges(kReadLocal).authenticated());
}

TEST(PrivilegeSetTest, WhatIsNotUnderstoodGivesNoRight) {
  const PrivilegeSet privileges = Privileges(
      R"(1, {"resource": 1, "actions": ["find"]}, {"resource": {"db": "a", "collection": ""}},
         {"resource": {"system_buckets": "x"}, "actions": ["find"]},
         {"resource": {"db": "a", "collection": ""}, "actions": [1]})");
  EXPECT_FALSE(privileges.Allows("find", "a", "b"));
  EXPECT_FALSE(privileges.Allows("find", "local", "oplog.rs"));
}

TEST(LackingTest, NothingIsMissingForAUserWhoMayReadAll) {
  const std::vector<std::string> collections = {"shop.orders", "shop.customers.old"};
  EXPECT_THAT(
      Lacking(Privileges(std::string(kReadLocal) + "," + kReadAnyDatabase), collections, {}, true),
      IsEmpty());
}

TEST(LackingTest, NamesWhatIsMissingAndTheRoleThatHelps) {
  const std::vector<std::string> collections = {"shop.orders", "hr.people"};
  EXPECT_THAT(
      Lacking(Privileges(R"({"resource": {"db": "shop", "collection": ""}, "actions": ["find"]})"),
              collections, {}, false),
      ElementsAre("find on local.oplog.rs (the role `read` on the database local)",
                  "find on hr.people (the role `read` on the database hr)"));
}

TEST(LackingTest, ACopyNeedsTheListOfCollections) {
  const std::vector<std::string> collections = {"hr.people", "shop.customers", "shop.orders"};
  const PrivilegeSet privileges =
      Privileges(std::string(kReadLocal) +
                 R"(,{"resource": {"db": "", "collection": ""}, "actions": ["find"]},
          {"resource": {"db": "hr", "collection": ""}, "actions": ["listCollections"]})");
  EXPECT_THAT(Lacking(privileges, collections, {}, true),
              ElementsAre("listCollections on the database shop, to copy its collections (the role "
                          "`read` on the database shop; or snapshot.mode=never)"));
  EXPECT_THAT(Lacking(privileges, collections, {}, false), ::testing::IsEmpty());
}

TEST(PrivilegeSetTest, APrivilegeOnTheClusterIsNoneOnACollection) {
  const PrivilegeSet privileges =
      Privileges(R"({"resource": {"cluster": true}, "actions": ["find", "listDatabases"]})");
  EXPECT_TRUE(privileges.AllowsOnCluster("listDatabases"));
  EXPECT_FALSE(privileges.AllowsOnCluster("shutdown"));
  EXPECT_FALSE(privileges.Allows("find", "", ""));
  EXPECT_FALSE(privileges.Allows("find", "shop", "orders"));
  EXPECT_FALSE(Privileges(kReadLocal).AllowsOnCluster("find"));
}

TEST(PrivilegeSetTest, ADatabaseIsSeenIntoByItsListOrByWhatMayBeRead) {
  const PrivilegeSet privileges = Privileges(
      R"({"resource": {"db": "listed", "collection": ""}, "actions": ["listCollections"]},
         {"resource": {"db": "whole", "collection": ""}, "actions": ["find"]},
         {"resource": {"db": "part", "collection": "orders"}, "actions": ["find"]},
         {"resource": {"db": "written", "collection": ""}, "actions": ["insert"]})");
  for (const char* database : {"listed", "whole", "part"}) {
    EXPECT_TRUE(privileges.SeesInto(database)) << database;
  }
  for (const char* database : {"written", "other"}) {
    EXPECT_FALSE(privileges.SeesInto(database)) << database;
  }
}

TEST(LackingTest, ADatabaseThatIsNotSeenInto) {
  const std::vector<std::string> databases = {"shop", "stock"};
  EXPECT_THAT(Lacking(Privileges(std::string(kReadLocal) +
                                 R"(,{"resource": {"db": "shop", "collection": ""},
                                      "actions": ["find"]})"),
                      {}, databases, true),
              ElementsAre("find on the database stock (the role `read` on it; or leave it out: "
                          "database.exclude.list)"));
}

}  // namespace
}  // namespace shardtail::shard_discovery
