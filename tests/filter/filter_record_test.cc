#include "filter/filter_record.h"

#include <gtest/gtest.h>

#include "filter/namespace_filter.h"

namespace shardtail::filter {
namespace {

base::Regex Pattern(std::string_view text) { return *base::Regex::Create(text, true); }

TEST(FilterRecordTest, SaysTheSameOfEachCollection) {
  const Options options{.database_include = {Pattern("shop"), Pattern("b\"\\d+")},
                        .collection_exclude = {Pattern("shop[.]log")}};
  const std::string text = EncodeFilterRecord(options);
  EXPECT_EQ(text, R"({"version":1,"database_include":["shop","b\"\\d+"],)"
                  R"("collection_exclude":["shop[.]log"]})");
  const auto again = DecodeFilterRecord(text);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(EncodeFilterRecord(*again), text);
  const NamespaceFilter filter(*again);
  EXPECT_TRUE(*filter.Accepts(*event::Namespace::Parse("shop.orders")));
  EXPECT_TRUE(*filter.Accepts(*event::Namespace::Parse("SHOP.orders")));
  EXPECT_FALSE(*filter.Accepts(*event::Namespace::Parse("shop.log")));
  EXPECT_FALSE(*filter.Accepts(*event::Namespace::Parse("other.orders")));
}

TEST(FilterRecordTest, WhatCannotBeReadIsTold) {
  for (const char* text :
       {"", "[]", "{}", R"({"version":2})", R"({"version":1,"database_include":"a"})",
        R"({"version":1,"database_include":[1]})", R"({"version":1,"database_include":["("]})"}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(DecodeFilterRecord(text).status())) << text;
  }
  EXPECT_TRUE(DecodeFilterRecord(R"({"version":1})").ok());
}

}  // namespace
}  // namespace shardtail::filter
