// Whole records are compared with Debezium's in golden_test.cc.

#include "encoding/json_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "mongo/bson.h"

namespace shardtail::encoding {
namespace {

using event::Operation;
using event::SnapshotMark;
using testing::HasSubstr;
using testing::StartsWith;

class JsonEncoderTest : public testing::Test {
 protected:
  JsonEncoderTest() {
    event_.position = {{1600000000, 7}, 0};
    event_.ns = *event::Namespace::Parse("shop.orders");
    event_.document = document_;
    event_.id = *document_.view().Find("_id");
  }

  absl::Status Encode() {
    const CollectionTemplate collection = encoder_.MakeTemplate(event_.ns, "rs0");
    return encoder_.Encode(event_, collection, 1600000000456, &key_, &value_);
  }
  std::string Value() {
    EXPECT_TRUE(Encode().ok());
    return value_;
  }

  const bson::Document document_ = bson::Builder().Int32("_id", 1).String("a", "x").Build();
  const bson::Document patch_ =
      bson::Builder().Int32("$v", 1).OpenDocument("$set").Int32("a", 2).Close().Build();
  const bson::Document filter_ = bson::Builder().Int32("_id", 1).Build();
  Options options_{.logical_name = "server",
                   .connector_version = "9",
                   .key_schema = false,
                   .value_schema = false};
  JsonEncoder encoder_{options_};
  event::ChangeEvent event_;
  std::string key_ = "left over";
  std::string value_ = "left over";
};

TEST_F(JsonEncoderTest, WritesAnInsertedDocumentIntoAfter) {
  EXPECT_EQ(
      Value(),
      R"({"after":"{\"_id\": 1,\"a\": \"x\"}","patch":null,"filter":null,"source":{"version":"9",)"
      R"("connector":"mongodb","name":"server","ts_ms":1600000000000,"snapshot":"false",)"
      R"("db":"shop","rs":"rs0","collection":"orders","ord":7,"h":null,"tord":null,"stxnid":null},)"
      R"("op":"c","ts_ms":1600000000456,"transaction":null})");
  EXPECT_EQ(key_, R"({"id":"1"})");
}

TEST_F(JsonEncoderTest, WritesAnUpdateIntoPatchAndFilter) {
  event_.operation = Operation::kUpdate;
  event_.document = patch_;
  event_.filter = filter_;
  EXPECT_THAT(
      Value(),
      StartsWith(
          R"({"after":null,"patch":"{\"$v\": 1,\"$set\": {\"a\": 2}}","filter":"{\"_id\": 1}",)"));
  EXPECT_THAT(value_, HasSubstr(R"("op":"u")"));
}

TEST_F(JsonEncoderTest, WritesADeleteIntoFilterAlone) {
  event_.operation = Operation::kDelete;
  event_.document = {};
  event_.filter = filter_;
  EXPECT_THAT(Value(), StartsWith(R"({"after":null,"patch":null,"filter":"{\"_id\": 1}",)"));
  EXPECT_THAT(value_, HasSubstr(R"("op":"d")"));
}

TEST_F(JsonEncoderTest, MarksTheRecordsOfASnapshot) {
  event_.operation = Operation::kRead;
  event_.snapshot = SnapshotMark::kTrue;
  EXPECT_THAT(Value(), HasSubstr(R"("snapshot":"true")"));
  event_.snapshot = SnapshotMark::kLast;
  EXPECT_THAT(Value(), HasSubstr(R"("snapshot":"last")"));
  EXPECT_THAT(value_, HasSubstr(R"("op":"r")"));
}

TEST_F(JsonEncoderTest, SaysWhereInATransactionAnEventStands) {
  event_.position.index = 3;
  event_.session = event::FromStxnid("83519593-4c4e-4741-569f-5add9755dd32:7");
  EXPECT_THAT(Value(), HasSubstr(R"("tord":3,"stxnid":"83519593-4c4e-4741-569f-5add9755dd32:7"})"));
}

TEST_F(JsonEncoderTest, PassesTheHashOnWhereTheEntryHasOne) {
  event_.h = 0;
  EXPECT_THAT(Value(), HasSubstr(R"("h":0,)"));
  event_.h = -1234567890123;
  EXPECT_THAT(Value(), HasSubstr(R"("h":-1234567890123,)"));
}

TEST_F(JsonEncoderTest, CountsSecondsWithoutASignAndWrapsTheIncrementAsTheSchemasInt32) {
  event_.position.ts = {4294967295, 4294967295};
  EXPECT_THAT(Value(), HasSubstr(R"("ts_ms":4294967295000,)"));
  EXPECT_THAT(value_, HasSubstr(R"("ord":-1,)"));
}

TEST_F(JsonEncoderTest, EscapesTheNamesInSourceAndAdjustsTheTopic) {
  const std::string name = "shop.a\"b-\U0001F600";
  event_.ns = *event::Namespace::Parse(name);
  EXPECT_THAT(Value(), HasSubstr(R"("collection":"a\"b-\uD83D\uDE00")"));
  EXPECT_EQ(encoder_.MakeTemplate(event_.ns, "rs0").topic, "server.shop.a_b-__");
}

TEST_F(JsonEncoderTest, PutsTheSchemasOfKeyAndValueIndependently) {
  options_.key_schema = true;
  const JsonEncoder with_key_schema(options_);
  CollectionTemplate collection = with_key_schema.MakeTemplate(event_.ns, "rs0");
  ASSERT_TRUE(with_key_schema.Encode(event_, collection, 0, &key_, &value_).ok());
  EXPECT_EQ(key_, R"({"schema":{"type":"struct","fields":[{"type":"string","optional":false,)"
                  R"("field":"id"}],"optional":false,"name":"server.shop.orders.Key"},)"
                  R"("payload":{"id":"1"}})");
  EXPECT_THAT(value_, StartsWith(R"({"after":)"));
}

TEST_F(JsonEncoderTest, RefusesAnEventWithoutAnId) {
  event_.id = {};
  const absl::Status status = Encode();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(std::string(status.message()), "the document has no _id, so the event has no key");
}

TEST_F(JsonEncoderTest, RefusesABrokenDocumentAndGoesOnWithTheNext) {
  std::string bytes(document_.view().bytes());
  bytes[bytes.find(
      "\x02"
      "a")] = '\x20';
  event_.document = *bson::View::Create(bytes);
  EXPECT_EQ(Encode().code(), absl::StatusCode::kDataLoss);
  event_.document = document_;
  EXPECT_THAT(Value(), StartsWith(R"({"after":"{\"_id\": 1,\"a\": \"x\"}")"));
}

}  // namespace
}  // namespace shardtail::encoding
