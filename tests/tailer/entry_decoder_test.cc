#include "tailer/entry_decoder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/fakes/fake_oplog.h"

namespace shardtail::tailer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kPlace[] = R"("ts": {"$timestamp": {"t": 100, "i": 7}}, "ns": "db.c")";
constexpr char kSession[] =
    R"("lsid": {"id": {"$binary": {"base64": "g1GVC05HQVafWt2XVd0y5w==", "subType": "04"}}},
       "txnNumber": {"$numberLong": "3"})";

// An entry of db.c at (100, 7), or elsewhere where the fields say so first.
bson::Document Entry(std::string_view fields) {
  absl::StatusOr<bson::Document> entry = bson::FromJson(fmt::format("{{{}, {}}}", fields, kPlace));
  EXPECT_TRUE(entry.ok()) << fields << ": " << entry.status();
  return entry.ok() ? *entry : bson::Document();
}

class EntryDecoderTest : public ::testing::Test {
 protected:
  // Decodes, and notes each event as `letter ns id index document`.
  absl::Status Decode(bson::View entry) {
    return decoder_.Decode(entry, [this](const event::ChangeEvent& event) {
      events_.push_back(
          fmt::format("{} {} {} {} {}", event::ToLetter(event.operation), event.ns.full,
                      event.id.GetInteger().value_or(-1), event.position.index,
                      event.document.present() ? bson::ToDebugString(event.document) : "nothing"));
      return consume_status_;
    });
  }

  // Why an entry cannot be decoded.
  std::string Refusal(bson::View entry) {
    const absl::Status status = Decode(entry);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    return std::string(status.message());
  }

  fakes::FakeOplog oplog_;
  metrics::TailerMetrics metrics_;
  EntryDecoder decoder_{oplog_, metrics_};
  absl::Status consume_status_;
  std::vector<std::string> events_;
};

TEST_F(EntryDecoderTest, AnInsertIsACreateAtTheEntrysPosition) {
  const bson::Document entry = Entry(fmt::format(
      R"("op": "i", "o": {{"_id": 5, "a": 1}}, "h": {{"$numberLong": "9"}}, {})", kSession));
  int events = 0;
  ASSERT_TRUE(decoder_
                  .Decode(entry,
                          [&](const event::ChangeEvent& event) {
                            ++events;
                            EXPECT_EQ(event.position, (event::Position{{100, 7}, 0}));
                            EXPECT_EQ(event.operation, event::Operation::kCreate);
                            EXPECT_EQ(event.ns.database(), "db");
                            EXPECT_EQ(event.ns.collection(), "c");
                            EXPECT_EQ(event.id.AsInt32(), 5);
                            // Views into the entry: nothing was copied.
                            EXPECT_EQ(event.document.data(), entry.view().Find("o")->value);
                            EXPECT_FALSE(event.filter.present());
                            EXPECT_EQ(event::ToStxnid(event.session),
                                      "8351950b-4e47-4156-9f5a-dd9755dd32e7:3");
                            EXPECT_EQ(event.h, 9);
                            return absl::OkStatus();
                          })
                  .ok());
  EXPECT_EQ(events, 1);
  EXPECT_EQ(metrics_.entries.value(), 1);
  EXPECT_EQ(metrics_.bytes.value(), entry.view().size());
}

TEST_F(EntryDecoderTest, WithoutASessionOrHashThereIsNone) {
  ASSERT_TRUE(decoder_
                  .Decode(Entry(R"("op": "i", "o": {"_id": 5}, "txnNumber": {"$numberLong": "3"})"),
                          [](const event::ChangeEvent& event) {
                            EXPECT_FALSE(event.session.present);
                            EXPECT_FALSE(event.h.has_value());
                            return absl::OkStatus();
                          })
                  .ok());
}

TEST_F(EntryDecoderTest, TheIdIsFoundByNameBehindTheShardKey) {
  ASSERT_TRUE(
      Decode(Entry(R"("op": "u", "o2": {"k": 9, "_id": 5}, "o": {"$v": 1, "$set": {"a": 1}})"))
          .ok());
  ASSERT_TRUE(Decode(Entry(R"("op": "d", "o": {"k": 9, "_id": 6})")).ok());
  EXPECT_THAT(events_, ElementsAre(R"(u db.c 5 0 { "$v" : 1, "$set" : { "a" : 1 } })",
                                   "d db.c 6 0 nothing"));
}

TEST_F(EntryDecoderTest, ModifiersAndReplacementsAreKeptAsTheyAre) {
  for (const char* o : {R"({"$v": 1, "$unset": {"a": true}})", R"({"$set": {"a": 1}})",
                        R"({"_id": 5, "$v": 2, "diff": {"u": {"a": 1}}})", R"({"_id": 5})"}) {
    const bson::Document entry = Entry(fmt::format(R"("op": "u", "o2": {{"_id": 5}}, "o": {})", o));
    ASSERT_TRUE(decoder_
                    .Decode(entry,
                            [&](const event::ChangeEvent& event) {
                              EXPECT_EQ(event.document.data(), entry.view().Find("o")->value) << o;
                              EXPECT_EQ(event.filter.data(), entry.view().Find("o2")->value);
                              return absl::OkStatus();
                            })
                    .ok());
  }
}

TEST_F(EntryDecoderTest, DiffsBecomeModifiers) {
  ASSERT_TRUE(
      Decode(
          Entry(R"("op": "u", "o2": {"_id": 5}, "o": {"$v": 2, "diff": {"sa": {"u": {"b": 1}}}})"))
          .ok());
  EXPECT_THAT(events_, ElementsAre(R"(u db.c 5 0 { "$v" : 1, "$set" : { "a.b" : 1 } })"));
  EXPECT_THAT(oplog_.looked_up_at(), IsEmpty());
}

constexpr char kCutOff[] =
    R"("op": "u", "o2": {"_id": 5}, "o": {"$v": 2, "diff": {"sl": {"a": true, "l": 3}}})";

TEST_F(EntryDecoderTest, ADiffWithoutSuchAFormBecomesTheDocumentOfThatTime) {
  oplog_.SetDocument(bson::Builder().Int32("_id", 5).Int32("x", 1).Build());
  ASSERT_TRUE(Decode(Entry(kCutOff)).ok());
  EXPECT_THAT(events_, ElementsAre(R"(u db.c 5 0 { "_id" : 5, "x" : 1 })"));
  EXPECT_THAT(oplog_.looked_up_at(), ElementsAre(bson::Timestamp{100, 7}));
}

TEST_F(EntryDecoderTest, ADocumentThatIsGoneSinceMakesNoEvent) {
  ASSERT_TRUE(Decode(Entry(kCutOff)).ok());
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(EntryDecoderTest, OnlyCapturedDocumentsAreLookedUp) {
  EntryDecoder decoder(oplog_, metrics_, [](const event::Namespace& ns) -> absl::StatusOr<bool> {
    EXPECT_EQ(ns.full, "db.c");
    return false;
  });
  const auto fail = [](const event::ChangeEvent&) { return absl::InternalError("an event"); };
  EXPECT_TRUE(decoder.Decode(Entry(kCutOff), fail).ok());
  EXPECT_THAT(oplog_.looked_up_at(), IsEmpty());
}

TEST_F(EntryDecoderTest, ALookUpThatFailsSaysForWhat) {
  oplog_.SetDocument(absl::PermissionDeniedError("find on db.c: not authorized"));
  const absl::Status status = Decode(Entry(kCutOff));
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()),
              ::testing::AllOf(HasSubstr("(100, 7) of db.c"), HasSubstr("not authorized")));
  oplog_.SetDocument(absl::UnimplementedError("not here"));
  EXPECT_THAT(Refusal(Entry(kCutOff)), HasSubstr("not here"));
}

TEST_F(EntryDecoderTest, NoopsAreCountedByOperationAndNotByNamespace) {
  ASSERT_TRUE(Decode(Entry(R"("op": "n", "o": {"_id": 5, "a": 1})")).ok());
  ASSERT_TRUE(Decode(Entry(R"("op": "n", "o": {}, "fromMigrate": true)")).ok());
  ASSERT_TRUE(Decode(Entry(R"("op": "n", "o": {"msg": {"shardCollection": "db.c"}})")).ok());
  ASSERT_TRUE(Decode(Entry(R"("op": "n", "o": {"msg": "new primary"})")).ok());
  EXPECT_THAT(events_, IsEmpty());
  EXPECT_EQ(metrics_.noops.value(), 4);
  EXPECT_EQ(metrics_.elections.value(), 1);
}

TEST_F(EntryDecoderTest, MigrationsAndCommandsMakeNoEvent) {
  ASSERT_TRUE(Decode(Entry(R"("op": "i", "o": {"_id": 5}, "fromMigrate": true)")).ok());
  ASSERT_TRUE(Decode(Entry(R"("op": "d", "o": {"_id": 5}, "fromMigrate": true)")).ok());
  ASSERT_TRUE(Decode(Entry(R"("op": "c", "o": {"drop": "c"}, "fromMigrate": true)")).ok());
  ASSERT_TRUE(Decode(Entry(R"("op": "c", "o": {"drop": "c"})")).ok());
  ASSERT_TRUE(Decode(Entry(R"("op": "c", "o": {})")).ok());
  EXPECT_THAT(events_, IsEmpty());
  EXPECT_EQ(metrics_.migrations.value(), 3);
  EXPECT_EQ(metrics_.commands.value(), 2);
}

TEST_F(EntryDecoderTest, TheConsumersErrorEndsTheDecodingAndComesBackAsItIs) {
  consume_status_ = absl::CancelledError("stop");
  EXPECT_EQ(Decode(Entry(R"("op": "c", "o": {"applyOps": [
      {"op": "i", "ns": "db.c", "o": {"_id": 1}}, {"op": "i", "ns": "db.c", "o": {"_id": 2}}]})")),
            absl::CancelledError("stop"));
  EXPECT_THAT(events_, ElementsAre(R"(c db.c 1 1 { "_id" : 1 })"));
}

TEST_F(EntryDecoderTest, WhatCannotBeDecodedIsNamedWithItsPlaceAndReason) {
  EXPECT_EQ(Refusal(Entry(R"("op": "i", "o": {"a": 1})")),
            "the oplog entry (100, 7) of db.c cannot be decoded: there is no _id in 'o'");
  EXPECT_THAT(Refusal(Entry(R"("op": "u", "o": {"_id": 1})")),
              HasSubstr("there is no _id in 'o2'"));
  EXPECT_THAT(Refusal(Entry(R"("op": "d", "o": {})")), HasSubstr("there is no _id in 'o'"));
  EXPECT_THAT(Refusal(Entry(R"("op": "i")")), HasSubstr("it has no field 'o'"));
  EXPECT_THAT(Refusal(Entry(R"("o": {"_id": 1})")), HasSubstr("it has no field 'op'"));
  EXPECT_THAT(Refusal(Entry(R"("op": "x", "o": {"_id": 1})")),
              HasSubstr("operation 'x' is unknown"));
  EXPECT_THAT(Refusal(Entry(R"("op": "ii", "o": {"_id": 1})")),
              HasSubstr("operation 'ii' is unknown"));
  EXPECT_THAT(Refusal(Entry(R"("op": 1, "o": {"_id": 1})")), HasSubstr("'op' has a type"));
  EXPECT_THAT(Refusal(Entry(R"("op": "i", "o": [1])")), HasSubstr("'o' has a type"));
  EXPECT_THAT(Refusal(Entry(R"("op": "i", "o": {"_id": 1}, "lsid": {"id": 1})")),
              HasSubstr("'lsid' has a type"));
  EXPECT_THAT(Refusal(Entry(R"("op": "i", "o": {"_id": 1}, "prevOpTime": {"ts": 1})")),
              HasSubstr("'prevOpTime' has a type"));
  EXPECT_THAT(Refusal(Entry(R"("op": "u", "o2": {"_id": 1}, "o": {"$v": 2})")),
              HasSubstr("an update with $v: 2 has no diff"));
  EXPECT_THAT(Refusal(Entry(R"("op": "u", "o2": {"_id": 1}, "o": {"$v": 2, "diff": {"z": 1}})")),
              HasSubstr("a section 'z', which is unknown"));
  EXPECT_THAT(Refusal(Entry(R"("op": "c", "o": {"applyOps": {"a": 1}})")),
              HasSubstr("its applyOps is no array"));
  EXPECT_THAT(Refusal(Entry(R"("op": "c", "o": {"applyOps": [1]})")),
              HasSubstr("operation 0 is no document"));
  EXPECT_THAT(Refusal(*bson::FromJson(R"({"op": "i", "ns": "db.c", "o": {"_id": 1}})")),
              HasSubstr("it has no field 'ts'"));
  EXPECT_THAT(
      Refusal(*bson::FromJson(
          R"({"ts": {"$timestamp": {"t": 1, "i": 2}}, "op": "i", "ns": "db", "o": {"_id": 1}})")),
      HasSubstr("(1, 2) of db cannot be decoded: no collection's namespace"));
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(EntryDecoderTest, EventsBeforeABrokenOperationWereConsumed) {
  EXPECT_EQ(Refusal(Entry(R"("op": "c", "o": {"applyOps": [
                {"op": "i", "ns": "db.c", "o": {"_id": 1}}, {"op": "i", "ns": "db.x", "o": {}}]})")),
            "the oplog entry (100, 7, 2) of db.x cannot be decoded: there is no _id in 'o'");
  EXPECT_THAT(events_, ElementsAre(R"(c db.c 1 1 { "_id" : 1 })"));
}

TEST_F(EntryDecoderTest, BrokenBytesNeverDoMoreThanFail) {
  const bson::Document entry = Entry(fmt::format(
      R"("op": "c", "o": {{"applyOps": [
           {{"op": "u", "ns": "db.c", "o2": {{"_id": 1}}, "o": {{"$v": 2, "diff": {{"sa": {{"u": {{"b": 1}}}}}}}}}},
           {{"op": "d", "ns": "db.c", "o": {{"_id": 2}}}}]}}, {})",
      kSession));
  const std::string bytes(entry.view().bytes());
  for (size_t at = 4; at < bytes.size(); ++at) {
    for (const char value : {'\0', '\1', '\3', '\x10', '\x7f', '\xff'}) {
      std::string broken = bytes;
      broken[at] = value;
      const auto view = bson::View::Create(broken);
      if (!view.ok()) continue;
      const absl::Status status = Decode(*view);
      EXPECT_TRUE(status.ok() || absl::IsDataLoss(status) || absl::IsOutOfRange(status)) << status;
    }
  }
}

TEST_F(EntryDecoderTest, TruncatedBytesAreRefused) {
  const bson::Document entry = Entry(R"("op": "i", "o": {"_id": 1, "a": "text"})");
  for (uint32_t size = 5; size < entry.view().size(); ++size) {
    std::string cut(entry.view().bytes().substr(0, size));
    std::memcpy(cut.data(), &size, sizeof size);
    cut.back() = '\0';
    EXPECT_EQ(Decode(*bson::View::Create(cut)).code(), absl::StatusCode::kDataLoss) << size;
  }
}

TEST(EntryTimestampTest, IsReadOrMissed) {
  EXPECT_EQ(*EntryTimestamp(Entry(R"("op": "n")")), (bson::Timestamp{100, 7}));
  EXPECT_EQ(EntryTimestamp(bson::Document()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(EntryTimestamp(bson::Builder().Int32("ts", 1).Build()).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace shardtail::tailer
