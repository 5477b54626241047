#include "config/near_names.h"

#include <gtest/gtest.h>

#include "config/property_table.h"

namespace shardtail::config {
namespace {

std::string Nearest(const std::string& written) {
  return NearestName(written, NamesToMean(written));
}

TEST(NearNamesTest, OneWrongCharacterDoesNotHideAName) {
  EXPECT_EQ(Nearest("mongodb.host"), "mongodb.hosts");
  EXPECT_EQ(Nearest("mongodb.hostss"), "mongodb.hosts");
  EXPECT_EQ(Nearest("mongobd.hosts"), "mongodb.hosts");
  EXPECT_EQ(Nearest("Mongodb_Hosts"), "mongodb.hosts");
  EXPECT_EQ(Nearest("collection.includes.list"), "collection.include.list");
  EXPECT_EQ(Nearest("tombstone.on.delete"), "tombstones.on.delete");
  EXPECT_EQ(Nearest("bootstrap.server"), "bootstrap.servers");
}

TEST(NearNamesTest, OldNamesAndFamiliesAreNamesToo) {
  EXPECT_EQ(Nearest("database.withelist"), "database.whitelist");
  EXPECT_EQ(Nearest("producr.linger.ms"), "producer.linger.ms");
  EXPECT_EQ(Nearest("transform.unwrap.type"), "transforms.unwrap.type");
}

TEST(NearNamesTest, WhatIsLikeNothingHasNoNearestName) {
  EXPECT_EQ(Nearest("foo"), "");
  EXPECT_EQ(Nearest(""), "");
  EXPECT_EQ(Nearest("completely.other.thing"), "");
  EXPECT_EQ(NearestName("abc", {}), "");
}

TEST(NearNamesTest, ASwapOfNeighboursIsOneChange) {
  EXPECT_EQ(NearestName("abdc", {"abxx", "abcd"}), "abcd");
  EXPECT_EQ(NearestName("ba", {"ab"}), "");
  EXPECT_EQ(NearestName("bac", {"abc"}), "abc");
}

}  // namespace
}  // namespace shardtail::config
