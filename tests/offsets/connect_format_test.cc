#include "offsets/connect_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardtail::offsets {
namespace {

using testing::HasSubstr;

// As a Debezium 1.3.1 in Kafka Connect stored them.
constexpr char kKey[] = R"(["mongo-src",{"rs":"rs28000","server_id":"dbserver1"}])";
constexpr char kPlain[] = R"({"sec":1795245390,"ord":44,"transaction_id":null,"h":null,)"
                          R"("stxnid":"4d998821-fb8f-43c6-b0ee-95a8b96b42f9:286"})";
constexpr char kOf42[] = R"({"sec":1795245816,"ord":392,"transaction_id":null,"h":0,)"
                         R"("stxnid":"004e52bc-85d6-4cb4-abc2-0213acaca289:286"})";
constexpr char kInTransaction[] =
    R"({"sec":1795247856,"ord":100,"transaction_id":null,"h":null,"stxnid":null,"tord":3})";
constexpr char kInSnapshot[] =
    R"({"sec":1795245390,"ord":44,"transaction_id":null,"initsync":true,"h":null,"stxnid":null})";
constexpr char kWithMetadata[] =
    R"({"sec":1795247678,"ord":318,"transaction_id":"8d9d9fd3-2e8a-41ff-9bd5-6ae00e262e77:286",)"
    R"("h":null,"stxnid":"8d9d9fd3-2e8a-41ff-9bd5-6ae00e262e77:286",)"
    R"("transaction_data_collection_order_rs28000.wl.zz_end":1})";

std::string Mistake(std::string_view json) {
  const auto decoded = DecodeValue(json);
  if (decoded.ok()) return "none";
  EXPECT_EQ(decoded.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(decoded.status().message());
}

TEST(ConnectFormat, WritesConnectsKey) {
  EXPECT_EQ(EncodeKey("mongo-src", "dbserver1", "rs28000"), kKey);
}

TEST(ConnectFormat, EscapesNamesAsConnectDoes) {
  EXPECT_EQ(EncodeKey("a\"b\\c/d\n\x1f", "сервер", "rs"),
            "[\"a\\\"b\\\\c/d\\n\\u001F\",{\"rs\":\"rs\",\"server_id\":\"сервер\"}]");
}

TEST(ConnectFormat, WritesWhatItReads) {
  for (const char* value : {kPlain, kOf42, kInTransaction, kInSnapshot}) {
    const auto decoded = DecodeValue(value);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(EncodeValue(*decoded), value);
  }
}

TEST(ConnectFormat, ReadsEveryField) {
  const auto offset = DecodeValue(kOf42);
  ASSERT_TRUE(offset.ok()) << offset.status();
  EXPECT_EQ(offset->position, (event::Position{{1795245816, 392}, 0}));
  EXPECT_EQ(event::ToStxnid(offset->session), "004e52bc-85d6-4cb4-abc2-0213acaca289:286");
  EXPECT_EQ(offset->h, 0);
  EXPECT_FALSE(offset->initsync);
  EXPECT_EQ(DecodeValue(kInTransaction)->position.index, 3);
  EXPECT_TRUE(DecodeValue(kInSnapshot)->initsync);
}

TEST(ConnectFormat, ReadsAnyOrderAndPassesOverWhatItDoesNotKnow) {
  EXPECT_EQ(DecodeValue(R"( {"ord" : 2, "new": [{}], "sec": 1} )")->position,
            (event::Position{{1, 2}, 0}));
  EXPECT_EQ(DecodeValue(kWithMetadata)->position, (event::Position{{1795247678, 318}, 0}));
  EXPECT_FALSE(DecodeValue(R"({"sec":1,"ord":2,"stxnid":"of another form"})")->session.present);
}

TEST(ConnectFormat, TakesNegativeNumbersAsJavasIntsOfLateTimes) {
  const StoredOffset late{.position = {{3'000'000'000, 1}, 0}};  // in the year 2065
  const std::string value = EncodeValue(late);
  EXPECT_THAT(value, HasSubstr("\"sec\":-1294967296,"));
  EXPECT_EQ(DecodeValue(value)->position, late.position);
  EXPECT_EQ(DecodeValue(R"({"sec":3000000000,"ord":1})")->position, late.position);
}

TEST(ConnectFormat, SaysWhatIsWrongWithWhichField) {
  EXPECT_EQ(Mistake(""), "is no JSON: at character 1: The document is empty.");
  EXPECT_THAT(Mistake(R"({"sec":1,)"), HasSubstr("is no JSON: at character 10"));
  EXPECT_EQ(Mistake("[1]"), "is no JSON object");
  EXPECT_EQ(Mistake("null"), "is no JSON object");
  EXPECT_EQ(Mistake(R"({"ord":1})"), "\"sec\" is missing");
  EXPECT_EQ(Mistake(R"({"sec":1})"), "\"ord\" is missing");
  EXPECT_EQ(Mistake(R"({"sec":"1","ord":1})"), "\"sec\" is not a whole number");
  EXPECT_EQ(Mistake(R"({"sec":1.5,"ord":1})"), "\"sec\" is not a whole number");
  EXPECT_EQ(Mistake(R"({"sec":null,"ord":1})"), "\"sec\" is not a whole number");
  EXPECT_EQ(Mistake(R"({"sec":4294967296,"ord":1})"), "\"sec\" is out of range");
  EXPECT_EQ(Mistake(R"({"sec":-2147483649,"ord":1})"), "\"sec\" is out of range");
  EXPECT_EQ(Mistake(R"({"sec":1,"ord":99999999999999999999})"), "\"ord\" is not a whole number");
  EXPECT_EQ(Mistake(R"({"sec":1,"ord":1,"tord":-1})"), "\"tord\" is negative");
  EXPECT_EQ(Mistake(R"({"sec":1,"ord":1,"tord":true})"), "\"tord\" is not a whole number");
  EXPECT_EQ(Mistake(R"({"sec":1,"ord":1,"initsync":"true"})"),
            "\"initsync\" is neither true nor false");
  EXPECT_EQ(Mistake(R"({"sec":1,"ord":1,"h":"x"})"), "\"h\" is not a whole number");
  EXPECT_EQ(Mistake(R"({"sec":1,"ord":1,"stxnid":5})"), "\"stxnid\" is not a string");
}

TEST(ConnectFormat, KeepsWhatWasCountedOfATransactionAndWhereItsCommitStands) {
  StoredOffset offset{.position = {{7, 8}, 0}};
  offset.inside = event::Position{{9, 1}, 42};
  offset.transaction = std::make_shared<TransactionCounts>(
      TransactionCounts{.id = "u:1", .collections = {{"rs0.db.a", 40}, {"rs0.db.b", 2}}});
  const std::string text = EncodeValue(offset);
  EXPECT_EQ(text, R"({"sec":7,"ord":8,"transaction_id":"u:1","h":null,"stxnid":null,)"
                  R"("transaction_data_collection_order_rs0.db.a":40,)"
                  R"("transaction_data_collection_order_rs0.db.b":2,)"
                  R"("commit_sec":9,"commit_ord":1,"commit_tord":42})");
  EXPECT_EQ(*DecodeValue(text), offset);
}

TEST(ConnectFormat, RefusesHalfASurrogatePairThatItCouldNotReadAgain) {
  EXPECT_THAT(Mistake(R"({"sec":1,"ord":2,"transaction_id":"\udc00"})"),
              testing::HasSubstr("half a surrogate pair"));
  EXPECT_THAT(Mistake(R"({"sec":1,"ord":2,"transaction_id":"u:1",)"
                      R"("transaction_data_collection_order_\udc00":1})"),
              testing::HasSubstr("half a surrogate pair"));
}

TEST(ConnectFormat, IsNotFelledByDeepNesting) {
  EXPECT_THAT(Mistake(std::string(1'000'000, '[')), HasSubstr("is no JSON"));
}

class ConnectorOffsetsTest : public testing::Test {
 protected:
  ConnectorOffsets offsets_{"mongo-src", "dbserver1", "topic connect-offsets"};
};

TEST_F(ConnectorOffsetsTest, TakesTheLaterValueOfAKey) {
  offsets_.Add(kKey, kPlain);
  offsets_.Add(kKey, kInTransaction);
  const auto decoded = offsets_.Decode();
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_THAT(*decoded, testing::SizeIs(1));
  EXPECT_EQ(decoded->at("rs28000"), *DecodeValue(kInTransaction));
}

TEST_F(ConnectorOffsetsTest, ForgetsWhatWasDeleted) {
  offsets_.Add(kKey, kPlain);
  offsets_.Add(kKey, std::nullopt);
  EXPECT_THAT(*offsets_.Decode(), testing::IsEmpty());
}

TEST_F(ConnectorOffsetsTest, LeavesThoseOfOthersAlone) {
  for (const char* key :
       {R"(["other",{"rs":"rs28000","server_id":"dbserver1"}])",
        R"(["mongo-src",{"rs":"rs28000","server_id":"other"}])", R"(["mongo-src",{"server":"m"}])",
        R"(["mongo-src",{"rs":1,"server_id":"dbserver1"}])", R"(["mongo-src"])", R"("mongo-src")",
        R"([1,{}])", R"(["mongo-src",[]])", "not JSON", ""}) {
    offsets_.Add(key, "broken");
  }
  EXPECT_THAT(*offsets_.Decode(), testing::IsEmpty());
}

TEST_F(ConnectorOffsetsTest, DoesNotTakeTheProgressOfASnapshotForAnOffset) {
  const std::string key = EncodeProgressKey("mongo-src", "dbserver1", "rs28000", "u");
  EXPECT_EQ(key, R"(["mongo-src",{"collection":"u","rs":"rs28000","server_id":"dbserver1"}])");
  offsets_.Add(key, "{}");
  EXPECT_THAT(*offsets_.Decode(), testing::IsEmpty());
  EXPECT_EQ(DecodeProgressKey(key, "mongo-src", "dbserver1", "rs28000"), "u");
  EXPECT_EQ(DecodeProgressKey(key, "mongo-src", "dbserver1", "rs"), std::nullopt);
  EXPECT_EQ(DecodeProgressKey(kKey, "mongo-src", "dbserver1", "rs28000"), std::nullopt);
  EXPECT_EQ(DecodeProgressKey("[", "mongo-src", "dbserver1", "rs28000"), std::nullopt);
}

TEST_F(ConnectorOffsetsTest, DoesNotReadAKeyThatConnectWouldNotFind) {
  offsets_.Add(R"(["mongo-src",{"server_id":"dbserver1","rs":"rs28000"}])", kPlain);
  offsets_.Add(R"([ "mongo-src", {"rs":"rs28000","server_id":"dbserver1"} ])", kPlain);
  EXPECT_THAT(*offsets_.Decode(), testing::IsEmpty());
}

TEST_F(ConnectorOffsetsTest, NamesPlaceTextAndRemedyOfAnOffsetThatItCannotUnderstand) {
  offsets_.Add(kKey, R"({"sec":"soon","ord":1})");
  const absl::Status status = offsets_.Decode().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "the offset of replica set rs28000 in topic connect-offsets cannot be understood: "
            "\"sec\" is not a whole number, in {\"sec\":\"soon\",\"ord\":1}. Set it with "
            "`shardtail offsets set`, or remove it with `shardtail offsets delete` to begin with a "
            "snapshot");
}

}  // namespace
}  // namespace shardtail::offsets
