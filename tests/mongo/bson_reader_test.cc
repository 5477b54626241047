#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mongo/bson.h"

namespace shardtail::bson {
namespace {

// Every type at once, with strings that hold zeros and binaries of several subtypes.
Document EveryType() {
  return *FromJson(R"json({
    "double": 1.5, "string": "a\u0000b", "document": {"x": {"$numberInt": "1"}}, "array": [1, "two"],
    "binary": {"$binary": {"base64": "AAH/", "subType": "80"}},
    "old": {"$binary": {"base64": "b2xk", "subType": "02"}},
    "undefined": {"$undefined": true}, "oid": {"$oid": "5f0000000000000000000001"}, "bool": true,
    "date": {"$date": {"$numberLong": "-1"}}, "null": null,
    "regex": {"$regularExpression": {"pattern": "^a", "options": "im"}},
    "pointer": {"$dbPointer": {"$ref": "a.b", "$id": {"$oid": "5f0000000000000000000002"}}},
    "code": {"$code": "f()"}, "symbol": {"$symbol": "s"}, "scope": {"$code": "g()", "$scope": {"y": 2}},
    "int32": {"$numberInt": "-7"}, "time": {"$timestamp": {"t": 4294967295, "i": 2}},
    "int64": {"$numberLong": "9007199254740993"}, "decimal": {"$numberDecimal": "1.10"},
    "min": {"$minKey": 1}, "max": {
  "$maxKey" : 1
}
})json");
}

TEST(BsonReaderTest, WalksEveryTypeInOrder) {
  const Document document = EveryType();
  Reader reader(document);
  Element element;
  std::vector<std::string> names;
  while (reader.Next(&element)) names.emplace_back(element.name);
  EXPECT_FALSE(reader.corrupt());
  EXPECT_EQ(names.size(), 22U);
  EXPECT_EQ(names.front(), "double");
  EXPECT_EQ(names.back(), "max");
  EXPECT_TRUE(Validate(document).ok());
}

TEST(BsonReaderTest, GivesTheValuesAsTheyWereWritten) {
  const Document document = EveryType();
  const View view = document;
  EXPECT_EQ(view.Find("double")->AsDouble(), 1.5);
  EXPECT_EQ(view.Find("string")->AsString(), std::string_view("a\0b", 3));
  EXPECT_EQ(view.Find("document")->AsDocument().Find("x")->AsInt32(), 1);
  EXPECT_EQ(view.Find("array")->AsDocument().Find("1")->AsString(), "two");
  EXPECT_EQ(view.Find("binary")->BinarySubtype(), 0x80);
  EXPECT_EQ(view.Find("binary")->BinaryData(), std::string_view("\0\1\xff", 3));
  EXPECT_EQ(view.Find("old")->BinaryData(), "old");
  EXPECT_EQ(view.Find("date")->AsDateMillis(), -1);
  EXPECT_EQ(view.Find("time")->AsTimestamp(), (Timestamp{4294967295U, 2}));
  EXPECT_EQ(view.Find("int64")->AsInt64(), 9007199254740993);
  EXPECT_EQ(view.Find("code")->AsString(), "f()");
  EXPECT_FALSE(view.Find("absent").has_value());
}

TEST(BsonReaderTest, ReadsNumbersAndFlagsAsTheServerDoes) {
  const Document document = *FromJson(
      R"({"a": {"$numberLong": "2"}, "b": 2.0, "c": 2.5, "d": {"$numberDouble": "NaN"}, "e": "2",
          "f": false, "g": 1e300, "h": {"$numberInt": "0"}})");
  const View view = document;
  EXPECT_EQ(view.Find("a")->GetInteger(), 2);
  EXPECT_EQ(view.Find("b")->GetInteger(), 2);
  for (const char* name : {"c", "d", "e", "f", "g"}) {
    EXPECT_FALSE(view.Find(name)->GetInteger().has_value()) << name;
  }
  EXPECT_TRUE(view.Find("a")->IsTrue());
  EXPECT_FALSE(view.Find("f")->IsTrue());
  EXPECT_FALSE(view.Find("h")->IsTrue());
}

TEST(BsonReaderTest, FindsTheBreakInEveryTruncation) {
  const Document document = EveryType();
  const std::string whole(document.view().bytes());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(View::Create(std::string_view(whole).substr(0, size)).ok()) << size;
  }
}

TEST(BsonReaderTest, NeverReadsOutsideWhateverByteIsWrong) {
  const Document document = EveryType();
  const std::string whole(document.view().bytes());
  for (size_t at = 4; at + 1 < whole.size(); ++at) {
    for (const char byte : {'\x00', '\x01', '\x05', '\x7f', '\xff'}) {
      // A buffer of exactly this size, so that the sanitizer sees any byte too far.
      std::vector<char> changed(whole.begin(), whole.end());
      changed[at] = byte;
      const auto view = View::Create({changed.data(), changed.size()});
      if (view.ok()) Validate(*view).IgnoreError();
    }
  }
}

TEST(BsonReaderTest, RefusesAnUnknownType) {
  std::string bytes(Document(Builder().Int32("a", 1).view()).view().bytes());
  bytes[4] = '\x20';
  const View view = *View::Create(bytes);
  Reader reader(view);
  Element element;
  EXPECT_FALSE(reader.Next(&element));
  EXPECT_TRUE(reader.corrupt());
  EXPECT_EQ(Validate(view).code(), absl::StatusCode::kDataLoss);
}

TEST(BsonReaderTest, RefusesDocumentsNestedTooDeeply) {
  Document nested;
  for (int i = 0; i < 300; ++i) nested = Builder().SubDocument("a", nested).Build();
  EXPECT_EQ(Validate(nested).code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(Validate(nested, 400).ok());
}

}  // namespace
}  // namespace shardtail::bson
