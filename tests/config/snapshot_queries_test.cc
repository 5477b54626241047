// snapshot.collection.filter.overrides and its queries.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/configuration.h"
#include "mongo/bson.h"
#include "tests/config/loading.h"
#include "tests/config/temporary_directory.h"

namespace shardtail::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kList = "snapshot.collection.filter.overrides";
constexpr const char* kOrders = "snapshot.collection.filter.overrides.shop.orders";
constexpr const char* kLog = "snapshot.collection.filter.overrides.shop.log.2020";

absl::StatusOr<Configuration> Loaded(RawProperties properties) {
  return Load(std::nullopt, WithRequired(std::move(properties)), nullptr, nullptr, bson::FromJson);
}

std::string Mistakes(RawProperties properties) {
  const absl::StatusOr<Configuration> loaded = Loaded(std::move(properties));
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(loaded.status().message());
}

TEST(SnapshotQueriesTest, EachCollectionOfTheListHasItsQuery) {
  const auto loaded =
      Loaded({{kList, "shop.orders, shop.log.2020"},
              {kOrders, R"( {"open": true, "at": {"$gte": {"$date": "2020-01-01T00:00:00Z"}}} )"},
              {kLog, "{}"}});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const auto& queries = loaded->pipeline.snapshot_queries;
  ASSERT_EQ(queries.size(), 2);
  const bson::View orders = queries.at("shop.orders");
  EXPECT_TRUE(orders.Find("open")->AsBool());
  EXPECT_EQ(orders.Find("at")->AsDocument().Find("$gte")->AsDateMillis(), 1577836800000);
  EXPECT_TRUE(queries.at("shop.log.2020").view().empty());
}

TEST(SnapshotQueriesTest, TheNamesOfDebeziumServerAreReadToo) {
  const auto loaded = Loaded({{"debezium.source." + std::string(kList), "shop.orders"},
                              {"debezium.source." + std::string(kOrders), R"({"a": 1})"}});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->pipeline.snapshot_queries.count("shop.orders"), 1);
}

TEST(SnapshotQueriesTest, AllMistakesAreTold) {
  EXPECT_EQ(Mistakes({{kList, "orders, shop.customers"}, {kOrders, "{}"}}),
            "snapshot.collection.filter.overrides: 'orders' is not database.collection\n"
            "snapshot.collection.filter.overrides: 'shop.customers' has no query; give it as "
            "snapshot.collection.filter.overrides.<database>.<collection>\n"
            "snapshot.collection.filter.overrides.shop.orders: has no effect unless "
            "snapshot.collection.filter.overrides lists 'shop.orders'; add it there");
}

TEST(SnapshotQueriesTest, AQueryIsADocumentInExtendedJson) {
  for (const char* value : {"", "  ", "[1]", "open", "1"}) {
    EXPECT_EQ(Mistakes({{kList, "shop.orders"}, {kOrders, value}}),
              std::string(kOrders) +
                  ": is not a query; give a document in extended JSON: {\"field\": value}")
        << value;
  }
  for (const char* value : {"{\"open\": tru}", "{", "{'a': 1}", R"({"a": {"$oid": "1"}})"}) {
    EXPECT_THAT(Mistakes({{kList, "shop.orders"}, {kOrders, value}}),
                HasSubstr(std::string(kOrders) + ": is not a query in extended JSON: "))
        << value;
  }
}

TEST(SnapshotQueriesTest, ACollectionThatIsNotCapturedNeedsNoQuery) {
  const RawProperties query = {{kList, "shop.orders"}, {kOrders, "{}"}};
  const auto mistakes_with = [&query](const char* name, const char* value) {
    RawProperties properties = query;
    properties[name] = value;
    return Mistakes(std::move(properties));
  };
  EXPECT_THAT(mistakes_with("database.include.list", "store"),
              HasSubstr("'shop.orders' is not captured"));
  EXPECT_THAT(mistakes_with("database.exclude.list", "SHOP"), HasSubstr("is not captured"));
  EXPECT_THAT(mistakes_with("collection.include.list", "shop.order"), HasSubstr("is not captured"));
  EXPECT_THAT(mistakes_with("collection.exclude.list", "shop.*"), HasSubstr("is not captured"));
  RawProperties captured = query;
  captured["database.include.list"] = "shop";
  captured["collection.include.list"] = "shop[.]orders";
  EXPECT_TRUE(Loaded(captured).ok());
}

TEST(SnapshotQueriesTest, WhatAReferenceStandsForIsNotShown) {
  const TemporaryDirectory directory;
  const std::string file = directory.Write("s.properties", "hidden=hush.hush\n");
  const std::string reference = "${file:" + file + ":hidden}";
  EXPECT_THAT(Mistakes({{kList, reference}}),
              AllOf(HasSubstr("one in " + reference + " has no query"), Not(HasSubstr("hush"))));
  EXPECT_THAT(
      Mistakes({{kList, "shop.orders"}, {kOrders, reference}}),
      AllOf(HasSubstr("what " + reference + " stands for is not a query"), Not(HasSubstr("hush"))));
}

TEST(SnapshotQueriesTest, WithoutAReaderNothingIsRead) {
  EXPECT_TRUE(LoadWith({{kList, "shop.orders"}, {kOrders, "?"}}).pipeline.snapshot_queries.empty());
}

}  // namespace
}  // namespace shardtail::config
