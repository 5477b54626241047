// Each type's form is in rendering_test.cc; this is what lies between the types.

#include "encoding/key_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "mongo/bson.h"
#include "tests/encoding/rendered.h"

namespace shardtail::encoding {
namespace {

using bson::Builder;
using bson::Document;

std::string IdAsKey(const Document& document) { return AsKey(*document.view().Find("_id")); }
std::string JsonAsKey(const std::string& id) {
  return IdAsKey(bson::FromJson("{\"_id\": " + id + "}").value());
}

TEST(KeyJsonTest, SeparatesMembersWithBlanksAroundCommasAndColons) {
  EXPECT_EQ(JsonAsKey(R"({"a": 1, "b": [1, {"c": "x"}], "d": {}, "e": [], "f": null})"),
            R"({ "a" : 1 , "b" : [ 1 , { "c" : "x"}] , "d" : { } , "e" : [ ] , "f" :  null })");
}

TEST(KeyJsonTest, EscapesNamesAndTheControlCharactersThatDebeziumDrops) {
  const Document document =
      Builder().OpenDocument("_id").String("a\"\x01", "\x02\n").Close().Build();
  EXPECT_EQ(IdAsKey(document), R"({ "a\"\u0001" : "\u0002\n"})");
}

TEST(KeyJsonTest, GivesDifferentIdsDifferentKeys) {
  EXPECT_NE(IdAsKey(Builder().String("_id", "a\x01").Build()),
            IdAsKey(Builder().String("_id", "a\x02").Build()));
}

TEST(KeyJsonTest, KeepsEveryValueOfANameThatOccursTwice) {
  EXPECT_EQ(IdAsKey(Builder().OpenDocument("_id").Int32("a", 1).Int32("a", 2).Close().Build()),
            R"({ "a" : 1 , "a" : 2})");
}

TEST(KeyJsonTest, WritesInValuesFormWhatDebeziumDiesOfAlsoInside) {
  EXPECT_EQ(IdAsKey(Builder().OpenDocument("_id").Time("t", {1, 2}).Int64("n", 3).Close().Build()),
            R"({ "t" : {"$timestamp": {"t": 1,"i": 2}} , "n" : 3})");
  EXPECT_EQ(
      JsonAsKey(
          R"([{"$dbPointer": {"$ref": "a.b", "$id": {"$oid": "5f0000000000000000000001"}}}])"),
      R"([ {"$ref": "a.b","$id": {"$oid": "5f0000000000000000000001"}}])");
}

TEST(KeyJsonTest, WritesNonFiniteNumbersBare) {
  EXPECT_EQ(JsonAsKey(R"([{"$numberDouble": "NaN"}, {"$numberDouble": "-Infinity"}])"),
            "[ NaN , -Infinity]");
}

TEST(KeyJsonTest, TakesOnlyBinariesOf16BytesForUuids) {
  EXPECT_EQ(JsonAsKey(R"({"$binary": {"base64": "YWJj", "subType": "04"}})"),
            R"({ "$binary" : "YWJj" , "$type" : 4})");
  EXPECT_EQ(JsonAsKey(R"({"$binary": {"base64": "MDEyMzQ1Njc4OWFiY2RlZg==", "subType": "05"}})"),
            R"({ "$binary" : "MDEyMzQ1Njc4OWFiY2RlZg==" , "$type" : 5})");
}

TEST(KeyJsonTest, RefusesWhatIsNestedTooDeeplyOrBroken) {
  Document nested;
  for (int i = 0; i < kMaxDepth; ++i) nested = Builder().SubDocument("a", nested).Build();
  EXPECT_EQ(IdAsKey(Builder().SubDocument("_id", nested).Build()),
            "an _id that cannot be written: nested deeper than 250 levels");

  std::string inner(Builder().Int32("a", 1).view().bytes());
  inner[4] = '\x20';
  EXPECT_EQ(IdAsKey(Builder().SubDocument("_id", *bson::View::Create(inner)).Build()),
            "an _id that cannot be written: its BSON is broken");
}

}  // namespace
}  // namespace shardtail::encoding
