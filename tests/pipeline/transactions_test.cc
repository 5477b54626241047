#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "snapshot/progress.h"
#include "tests/pipeline/replica_set_pipeline_fixture.h"

namespace shardtail::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ReplicaSetPipelineTest, ContinuesInTheMiddleOfATransaction) {
  set_.Noop(10);
  bson::Builder transaction;
  transaction.Time("ts", {11, 1}).String("op", "c").String("ns", "admin.$cmd");
  transaction.OpenDocument("lsid")
      .Value("id", *bson::FromJson(R"({"u": {"$binary": {"base64": "g1GVC05HQVafWt2XVd0y5w==",
                                                          "subType": "04"}}})")
                        ->view()
                        .Find("u"))
      .Close()
      .Int64("txnNumber", 3);
  transaction.OpenDocument("o").OpenArray("applyOps");
  for (int i = 0; i < 4; ++i) {
    transaction.OpenDocument(std::to_string(i))
        .String("op", "i")
        .String("ns", "db.a")
        .SubDocument("o", bson::Builder().Int32("_id", i + 1).view())
        .Close();
  }
  transaction.Close().Close();
  transaction.OpenDocument("prevOpTime").Time("ts", {0, 0}).Int64("t", -1).Close();
  set_.oplog.push_back(transaction.Build());
  set_.Insert(12, "db.a", 9);
  ASSERT_TRUE(store_.Save(kSet, {.position = {{11, 1}, 2}}).ok());
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 3", "c 4", "c 9"));
}

// The session of a transaction: a UUID of this byte 16 times.
bson::Document Session(char byte) {
  const std::string uuid(16, byte);
  bson::Element id{.type = bson::Type::kBinary};
  const std::string value = std::string("\x10\0\0\0\x04", 5) + uuid;
  id.value = reinterpret_cast<const uint8_t*>(value.data());
  id.value_size = static_cast<uint32_t>(value.size());
  return bson::Builder().Value("id", id).Build();
}

// An oplog entry of a transaction: inserts of the ids [first, last] into db.a.
bson::Document TransactionEntry(uint32_t seconds, int first, int last, uint32_t previous_seconds,
                                bool partial) {
  bson::Builder entry;
  entry.Time("ts", {seconds, 1}).String("op", "c").String("ns", "admin.$cmd");
  entry.SubDocument("lsid", Session('A')).Int64("txnNumber", 3);
  entry.OpenDocument("o").OpenArray("applyOps");
  for (int id = first; id <= last; ++id) {
    entry.OpenDocument(std::to_string(id - first))
        .String("op", "i")
        .String("ns", "db.a")
        .SubDocument("o", bson::Builder().Int32("_id", id).view())
        .Close();
  }
  entry.Close();
  if (partial) entry.Bool("partialTxn", true);
  entry.Close();
  entry.OpenDocument("prevOpTime")
      .Time("ts", {previous_seconds, previous_seconds == 0 ? 0U : 1U})
      .Int64("t", 1)
      .Close();
  return entry.Build();
}

TEST_F(ReplicaSetPipelineTest,
       InATransactionOfSeveralEntriesNoIndexIsStoredThatDebeziumWouldMisread) {
  set_.Noop(10);
  set_.oplog.push_back(TransactionEntry(11, 1, 2, 0, true));
  set_.Noop(12);
  set_.oplog.push_back(TransactionEntry(13, 3, 4, 11, false));
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  log_.fail_at = 2;  // operation 3
  {
    const auto pipeline = Make();
    EXPECT_EQ(pipeline->Run({}).message(), "the broker is gone");
  }
  EXPECT_EQ(Stored().position, (event::Position{{12, 1}, 0}));
  EXPECT_EQ(Stored().inside, (event::Position{{13, 1}, 2}));
  log_.records.clear();
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 3", "c 4"));
  EXPECT_EQ(Stored(), (offsets::StoredOffset{.position = {{13, 1}, 0}}));
}

TEST_F(ReplicaSetPipelineTest, FromAnOffsetInsideAPartTheWholeTransactionComesAtItsCommit) {
  set_.Noop(10);
  set_.oplog.push_back(TransactionEntry(11, 1, 2, 0, true));
  set_.oplog.push_back(TransactionEntry(13, 3, 4, 11, false));
  // As Debezium 1.3.1 stores it: the first operation of the first part.
  ASSERT_TRUE(store_.Save(kSet, {.position = {{11, 1}, 1}}).ok());
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 1", "c 2", "c 3", "c 4"));
}

TEST_F(ReplicaSetPipelineTest, OneBrokenOperationOfATransactionTakesNoOtherWithIt) {
  set_.Noop(10);
  bson::Builder entry;
  entry.Time("ts", {11, 1}).String("op", "c").String("ns", "admin.$cmd");
  entry.SubDocument("lsid", Session('A')).Int64("txnNumber", 3);
  entry.OpenDocument("o").OpenArray("applyOps");
  for (int id = 1; id <= 3; ++id) {
    entry.OpenDocument(std::to_string(id - 1)).String("op", "i").String("ns", "db.a");
    // The second document has no _id.
    entry.SubDocument("o", bson::Builder().Int32(id == 2 ? "x" : "_id", id).view()).Close();
  }
  entry.Close().Close();
  set_.oplog.push_back(entry.Build());
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  EXPECT_EQ(Capture().code(), absl::StatusCode::kDataLoss);
  log_.records.clear();
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  const auto pipeline = Make({.failure_mode = FailureMode::kSkip});
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 1", "c 3"));
  EXPECT_EQ(pipeline->metrics().skipped.value(), 1);
}

// What went to the transaction topic: `BEGIN`, or `END` with the count.
std::vector<std::string> Transactions(const fakes::SinkLog& log) {
  std::vector<std::string> seen;
  for (const fakes::SentRecord& record : log.records) {
    if (record.topic != "server.transaction") {
      seen.push_back(record.value->substr(record.value->find("\"transaction\":") + 14));
    } else if (record.value->find("BEGIN") != std::string::npos) {
      seen.emplace_back("BEGIN");
    } else {
      seen.push_back(record.value->substr(record.value->find("\"event_count\"")));
    }
  }
  return seen;
}

constexpr char kTransactionId[] = "41414141-4141-4141-4141-414141414141:3";

TEST_F(ReplicaSetPipelineTest, ATransactionHasItsBeginAndItsEndAsSoonAsItCommits) {
  set_.Noop(10);
  set_.oplog.push_back(TransactionEntry(11, 1, 2, 0, false));
  set_.Insert(12, "db.a", 9);
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  EXPECT_EQ(Capture({.transaction_metadata = true}).code(), absl::StatusCode::kCancelled);
  const std::string place = fmt::format(R"({{"id":"{}","total_order":)", kTransactionId);
  EXPECT_THAT(Transactions(log_),
              ElementsAre("BEGIN", place + R"(1,"data_collection_order":1}})",
                          place + R"(2,"data_collection_order":2}})",
                          R"("event_count":2,"data_collections":[{"data_collection":"rs0.db.a",)"
                          R"("event_count":2}]})",
                          "null}"));
  EXPECT_EQ(Stored().transaction, nullptr);
}

// An insert of one statement of a retryable write.
bson::Document RetryableInsert(uint32_t seconds, std::string_view ns, int id, char session) {
  return bson::Builder()
      .Time("ts", {seconds, 1})
      .String("op", "i")
      .String("ns", ns)
      .SubDocument("lsid", Session(session))
      .Int64("txnNumber", 3)
      .SubDocument("o", bson::Builder().Int32("_id", id).view())
      .Build();
}

TEST_F(ReplicaSetPipelineTest, ARetryableWriteEndsWithAnEntryOfAnotherIdThatNobodyCaptures) {
  set_.Noop(10);
  set_.oplog.push_back(RetryableInsert(11, "db.a", 1, 'A'));
  set_.oplog.push_back(RetryableInsert(12, "db.a", 2, 'A'));
  set_.oplog.push_back(RetryableInsert(13, "db.hidden", 3, 'B'));
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  EXPECT_EQ(Capture({.transaction_metadata = true}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Transactions(log_),
              ElementsAre("BEGIN", HasSubstr(R"("total_order":1)"), HasSubstr(R"("total_order":2)"),
                          HasSubstr(R"("event_count":2)")));
}

TEST_F(ReplicaSetPipelineTest, AfterARestartInTheMiddleTheCountsGoOn) {
  set_.Noop(10);
  set_.oplog.push_back(TransactionEntry(11, 1, 3, 0, false));
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  log_.fail_at = 3;  // the third of the three inserts, behind BEGIN
  {
    const auto pipeline = Make({.transaction_metadata = true});
    EXPECT_EQ(pipeline->Run({}).message(), "the broker is gone");
  }
  ASSERT_NE(Stored().transaction, nullptr);
  EXPECT_EQ(Stored().transaction->id, kTransactionId);
  log_.records.clear();
  EXPECT_EQ(Capture({.transaction_metadata = true}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(
      Transactions(log_),
      ElementsAre(fmt::format(R"({{"id":"{}","total_order":3,"data_collection_order":3}}}})",
                              kTransactionId),
                  HasSubstr(R"("event_count":3)")));
}

// A restart inside a transaction, while db.a is being copied.
class RestartInATransactionTest : public ReplicaSetPipelineTest {
 protected:
  static constexpr snapshot::CollectionUuid kA = {'a'};  // as the fake gives it

  RestartInATransactionTest() {
    streaming_ = SnapshotStreaming::kConcurrent;
    set_.at_end = [this]() -> absl::Status {
      if (Stored().initsync) return absl::OkStatus();
      return absl::CancelledError("end of the test");
    };
    set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()}};
  }

  // Of one transaction: operations on documents of db.a, if any, and one more field of `o`.
  void AddEntry(uint32_t seconds, uint32_t previous,
                const std::vector<std::pair<std::string, int>>& operations,
                const bson::Document& more = {}) {
    bson::Builder entry;
    entry.Time("ts", {seconds, 1}).String("op", "c").String("ns", "admin.$cmd");
    entry.SubDocument("lsid", Session('A')).Int64("txnNumber", 3).OpenDocument("o");
    if (!operations.empty()) {
      entry.OpenArray("applyOps");
      for (size_t i = 0; i < operations.size(); ++i) {
        entry.OpenDocument(std::to_string(i)).String("op", operations[i].first);
        entry.String("ns", "db.a").Uuid("ui", kA);
        entry.SubDocument("o", bson::Builder().Int32("_id", operations[i].second).view()).Close();
      }
      entry.Close();
    }
    bson::Reader fields(more);
    for (bson::Element field; fields.Next(&field);) entry.Copy(field);
    entry.Close();
    entry.OpenDocument("prevOpTime").Time("ts", {previous, previous == 0 ? 0U : 1U});
    set_.oplog.push_back(entry.Int64("t", 1).Close().Build());
  }

  // The first operation of the transaction that commits at 25 was handled.
  void StoreInside(const snapshot::CollectionProgress& progress = {}) {
    std::vector<std::pair<std::string, std::string>> records = {{"plan", "7"}};
    if (!progress.copied.empty()) {
      records.emplace_back(snapshot::ToString(kA), snapshot::EncodeProgress(progress));
    }
    ASSERT_TRUE(store_.SaveProgress(kSet, {records.begin(), records.end()}).ok());
    ASSERT_TRUE(store_
                    .Save(kSet, {.position = {{20, 1}, 0},
                                 .initsync = true,
                                 .copy = 7,
                                 .inside = event::Position{{25, 1}, 1}})
                    .ok());
  }
};

TEST_F(RestartInATransactionTest, WhatItDeletedBeforeAndInsertsAgainIsPublished) {
  set_.Noop(10);
  AddEntry(11, 0, {{"d", 1}, {"i", 1}}, bson::Builder().Bool("prepare", true).Build());
  set_.Noop(20);
  // Visible since 15: what was copied at 20 has the outcome.
  AddEntry(25, 11, {},
           bson::Builder().Int32("commitTransaction", 1).Time("commitTimestamp", {15, 1}).Build());
  StoreInside({.ns = "db.a", .copied = {{.range = {}, .at = {20, 1}}}});
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 1"));
}

TEST_F(RestartInATransactionTest, NothingIsReadAtAnEarlierTimeThanIts) {
  set_.Noop(10);
  AddEntry(11, 0, {{"i", 1}}, bson::Builder().Bool("partialTxn", true).Build());
  set_.Noop(20);
  AddEntry(25, 11, {{"i", 2}});
  set_.latest = {20, 1};
  StoreInside();
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(set_.read_at, 25U);
}

}  // namespace
}  // namespace shardtail::pipeline
