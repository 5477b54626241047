// Each type's form is in rendering_test.cc; this is what lies between the types.

#include "encoding/value_json.h"

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

using testing::StartsWith;

Document Nested(int levels) {
  Document nested;
  for (int i = 1; i < levels; ++i) nested = Builder().SubDocument("a", nested).Build();
  return nested;
}

TEST(ValueJsonTest, SeparatesMembersWithCommasAndNoBlanks) {
  const Document document =
      *bson::FromJson(R"({"a": 1, "b": [1, [], {}], "c": {"d": null, "e": "x"}})");
  EXPECT_EQ(AsValue(document.view()), R"({"a": 1,"b": [1,[],{}],"c": {"d": null,"e": "x"}})");
  EXPECT_EQ(AsValue(Document().view()), "{}");
}

TEST(ValueJsonTest, EscapesNames) {
  EXPECT_EQ(AsValue(Builder().Int32("a\"\\\n\u2028", 1).Int32("", 2).view()),
            R"({"a\"\\\n\u2028": 1,"": 2})");
  const std::string longer(40, 'n');
  EXPECT_EQ(AsValue(Builder().Int32(longer, 1).view()), "{\"" + longer + "\": 1}");
}

TEST(ValueJsonTest, KeepsEveryValueOfANameThatOccursTwice) {
  const Document document = Builder()
                                .Int32("a", 1)
                                .OpenDocument("b")
                                .Int32("c", 2)
                                .Int32("c", 3)
                                .Close()
                                .Int32("a", 4)
                                .Build();
  EXPECT_EQ(AsValue(document.view()), R"({"a": 1,"b": {"c": 2,"c": 3},"a": 4})");
}

// Debezium makes a DBRef of it, which has no other fields and an order of its own.
TEST(ValueJsonTest, KeepsEveryFieldBesideAReference) {
  const Document document = Builder()
                                .OpenDocument("v")
                                .Int32("$id", 1)
                                .String("$ref", "c")
                                .Int32("extra", 2)
                                .Close()
                                .Build();
  EXPECT_EQ(AsValue(document.view()), R"({"v": {"$id": 1,"$ref": "c","extra": 2}})");
}

TEST(ValueJsonTest, SortsTheOptionsOfARegularExpression) {
  // As a client may have written them; libbson sorts them itself.
  std::string bytes(
      bson::FromJson(R"({"v": {"$regularExpression": {"pattern": "a", "options": "imx"}}})")
          ->view()
          .bytes());
  bytes.replace(bytes.find("imx"), 3, "xmi");
  EXPECT_EQ(AsValue(*bson::View::Create(bytes)), R"({"v": {"$regex": "a","$options": "imx"}})");
}

TEST(ValueJsonTest, WritesNonFiniteNumbersAsExtendedJsonAtEveryLevel) {
  const Document document = *bson::FromJson(
      R"({"a": [{"$numberDouble": "NaN"}], "c": {"$code": "f", "$scope": {"x": {"$numberDouble": "-Infinity"}}}})");
  EXPECT_EQ(
      AsValue(document.view()),
      R"({"a": [{"$numberDouble": "NaN"}],"c": {"$code": "f","$scope": {"x": {"$numberDouble": "-Infinity"}}}})");
}

TEST(ValueJsonTest, TakesShortBinariesOfTheUuidSubtypesForBytes) {
  const Document document = *bson::FromJson(
      R"({"a": {"$binary": {"base64": "YWJj", "subType": "04"}}, "b": {"$binary": {"base64": "YWJj", "subType": "03"}}})");
  EXPECT_EQ(AsValue(document.view()),
            R"({"a": {"$binary": "YWJj","$type": "04"},"b": {"$binary": "YWJj","$type": "03"}})");
}

TEST(ValueJsonTest, WritesDocumentsOf16MegabytesEvenIfEveryByteIsEscaped) {
  constexpr size_t kSize = 16 << 20;
  const Document document = Builder().String("a", std::string(kSize, '\x01')).Build();
  std::string text;
  {
    Output out(&text);
    EXPECT_TRUE(AppendValueJson(document.view(), &out).ok());
  }
  EXPECT_EQ(text.size(), std::string_view(R"({\"a\": \"\"})").size() + 7 * kSize);
}

TEST(ValueJsonTest, WritesAsManyLevelsAsServersStoreAndRefusesMoreThanItsOwnLimit) {
  EXPECT_THAT(AsValue(Nested(200).view()), StartsWith(R"({"a": {"a": )"));
  EXPECT_THAT(AsValue(Nested(kMaxDepth).view()), StartsWith(R"({"a": {"a": )"));
  EXPECT_EQ(AsValue(Nested(kMaxDepth + 1).view()),
            "a document that cannot be written as JSON: nested deeper than 250 levels");
}

TEST(ValueJsonTest, NamesTheElementBeforeTheBrokenOne) {
  std::string bytes(Builder().Int32("good", 1).Int32("bad", 2).view().bytes());
  bytes[bytes.find("bad") - 1] = '\x20';
  EXPECT_EQ(AsValue(*bson::View::Create(bytes)),
            "a document that cannot be written as JSON: its BSON is broken after element 'good'");
  bytes[4] = '\x20';
  EXPECT_EQ(AsValue(*bson::View::Create(bytes)),
            "a document that cannot be written as JSON: its BSON is broken at the first element");
}

TEST(ValueJsonTest, SaysDataLossForWhatIsBroken) {
  std::string text;
  Output out(&text);
  EXPECT_EQ(AppendValueJson(Nested(300).view(), &out).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace shardtail::encoding
