#include "filter/namespace_filter.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace shardtail::filter {
namespace {

std::vector<base::Regex> Patterns(std::initializer_list<const char*> texts) {
  std::vector<base::Regex> patterns;
  for (const char* text : texts) patterns.push_back(*base::Regex::Create(text, true));
  return patterns;
}

bool Accepts(const NamespaceFilter& filter, std::string_view ns) {
  return *filter.Accepts(*event::Namespace::Parse(ns));
}

TEST(NamespaceFilterTest, CapturesEveryUserCollectionByDefault) {
  const NamespaceFilter filter({});
  EXPECT_TRUE(Accepts(filter, "shop.orders"));
  EXPECT_TRUE(Accepts(filter, "shop.orders.archive"));
  EXPECT_TRUE(Accepts(filter, "shop.system_like"));
  EXPECT_TRUE(Accepts(filter, "shop.tmp"));
  EXPECT_TRUE(Accepts(filter, "shop.tmpl.renamed"));
}

TEST(NamespaceFilterTest, NeverCapturesLocalAndAdmin) {
  const NamespaceFilter filter({.database_include = Patterns({"local", "admin", ".*"})});
  EXPECT_FALSE(Accepts(filter, "local.oplog.rs"));
  EXPECT_FALSE(Accepts(filter, "admin.users"));
}

TEST(NamespaceFilterTest, MatchesTheWholeNameIgnoringCase) {
  const NamespaceFilter filter({.collection_include = Patterns({"shop\\.ord.*"})});
  EXPECT_TRUE(Accepts(filter, "Shop.ORDERS"));
  EXPECT_FALSE(Accepts(filter, "myshop.orders"));
  EXPECT_FALSE(Accepts(filter, "shop.items"));
}

TEST(NamespaceFilterTest, DatabaseAndCollectionListsMustBothAccept) {
  const NamespaceFilter filter(
      {.database_include = Patterns({"a", "b"}), .collection_exclude = Patterns({"a\\.secret"})});
  EXPECT_TRUE(Accepts(filter, "a.open"));
  EXPECT_FALSE(Accepts(filter, "a.secret"));
  EXPECT_TRUE(Accepts(filter, "b.secret"));
  EXPECT_FALSE(Accepts(filter, "c.open"));
}

TEST(NamespaceFilterTest, ExcludedDatabaseIsNotCaptured) {
  const NamespaceFilter filter({.database_exclude = Patterns({"test.*"})});
  EXPECT_FALSE(*filter.AcceptsDatabase("Testing"));
  EXPECT_TRUE(*filter.AcceptsDatabase("prod"));
}

TEST(NamespaceFilterTest, TheServersOwnCollectionsNeedAPatternThatNamesThem) {
  for (const char* ns :
       {"config.transactions", "wl.system.views", "wl.system.buckets.t",
        "wl.tmp.agg_out.d6dfe7cb-be95-478b-acfc-fd72719709e2", "wl.tmpAbCdE.renameCollection",
        "wl.tmpAbCdE.convertToCapped.x", "wl.tmp.mr.coll_1"}) {
    EXPECT_FALSE(Accepts(NamespaceFilter({}), ns)) << ns;
    EXPECT_FALSE(Accepts(NamespaceFilter({.collection_include = Patterns({".*"})}), ns)) << ns;
  }
  EXPECT_TRUE(
      Accepts(NamespaceFilter({.database_include = Patterns({"config"})}), "config.shards"));
  EXPECT_TRUE(Accepts(NamespaceFilter({.collection_include = Patterns({"config\\.shards"})}),
                      "config.shards"));
  EXPECT_TRUE(Accepts(NamespaceFilter({.collection_include = Patterns({"wl\\.system\\.views"})}),
                      "wl.system.views"));
  EXPECT_TRUE(Accepts(NamespaceFilter({.collection_include = Patterns({"wl[.]tmp.*"})}),
                      "wl.tmp.mr.coll_1"));
}

TEST(NamespaceFilterTest, SkipsTheOperationsThatWereNamed) {
  const NamespaceFilter filter({.skip_creates = true, .skip_deletes = true});
  EXPECT_FALSE(filter.Accepts(event::Operation::kCreate));
  EXPECT_TRUE(filter.Accepts(event::Operation::kUpdate));
  EXPECT_FALSE(filter.Accepts(event::Operation::kDelete));
  EXPECT_TRUE(filter.Accepts(event::Operation::kRead));
}

TEST(NamespaceFilterTest, APatternThatRunsAwayIsAnErrorNotANo) {
  const NamespaceFilter filter({.collection_include = Patterns({"c\\.(x+x+)+[yz]"})});
  const std::string name = "c." + std::string(200, 'x');
  EXPECT_EQ(filter.Accepts(*event::Namespace::Parse(name)).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace shardtail::filter
