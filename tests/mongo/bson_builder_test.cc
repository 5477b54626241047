#include <gtest/gtest.h>

#include "mongo/bson.h"

namespace shardtail::bson {
namespace {

TEST(BsonBuilderTest, WritesWhatTheDriverWrites) {
  Builder builder;
  builder.Double("d", 1.5).String("s", "x").Int32("i", -1).Int64("l", 1).Bool("b", true).Null("n");
  builder.Time("t", {7, 8}).MinKey("min").MaxKey("max");
  builder.OpenDocument("doc").Int32("x", 1).OpenArray("list").String("0", "a").Close().Close();
  builder.OpenArray("empty").Close();
  const Document expected = *FromJson(
      R"({"d": 1.5, "s": "x", "i": {"$numberInt": "-1"}, "l": {"$numberLong": "1"}, "b": true, "n": null,
          "t": {"$timestamp": {"t": 7, "i": 8}}, "min": {"$minKey": 1}, "max": {"$maxKey": 1},
          "doc": {"x": {"$numberInt": "1"}, "list": ["a"]}, "empty": []})");
  EXPECT_EQ(builder.view().bytes(), expected.view().bytes());
  EXPECT_TRUE(Validate(builder.view()).ok());
}

TEST(BsonBuilderTest, CopiesElementsUnderTheirOwnOrAnotherName) {
  const Document from = *FromJson(R"({"a": {"x": [1, 2]}, "b": {"$numberDecimal": "1.10"}})");
  Builder builder;
  builder.Copy(*from.view().Find("a")).Value("c", *from.view().Find("b"));
  EXPECT_EQ(builder.view().bytes(),
            FromJson(R"({"a": {"x": [1, 2]}, "c": {"$numberDecimal": "1.10"}})")->view().bytes());
}

TEST(BsonBuilderTest, CanBeLookedAtAndThenWrittenOn) {
  Builder builder;
  builder.Int32("a", 1);
  EXPECT_EQ(builder.view().size(), 12U);
  builder.Int32("b", 2);
  EXPECT_EQ(ToDebugString(builder.view()), R"({ "a" : 1, "b" : 2 })");
}

TEST(BsonBuilderTest, ClearsForTheNextDocument) {
  Builder builder;
  builder.String("a", "long enough to matter").OpenDocument("left open");
  builder.Clear();
  EXPECT_TRUE(builder.view().empty());
  EXPECT_EQ(builder.Int32("a", 1).view().bytes(), Builder().Int32("a", 1).view().bytes());
}

}  // namespace
}  // namespace shardtail::bson
