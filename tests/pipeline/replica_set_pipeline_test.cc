#include "pipeline/replica_set_pipeline.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_member.h"
#include "tests/fakes/fake_offset_store.h"
#include "tests/fakes/fake_sink.h"

namespace shardtail::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kSet[] = "rs0";

class ReplicaSetPipelineTest : public ::testing::Test {
 protected:
  // A capture of its own, as after a start of the process.
  std::unique_ptr<ReplicaSetPipeline> Make(Options options = {}, PipelineStart start = {},
                                           const filter::NamespaceFilter* other = nullptr) {
    options.snapshot_streaming = streaming_;
    return std::make_unique<ReplicaSetPipeline>(
        ReplicaSetPipeline::Parts{.members = members_,
                                  .make_sink = [this](sink::DeliveryListener& listener)
                                      -> absl::StatusOr<std::unique_ptr<sink::Sink>> {
                                    return std::make_unique<fakes::FakeSink>(log_, listener);
                                  },
                                  .store = store_,
                                  .committer = committer_,
                                  .namespace_filter = other == nullptr ? namespace_filter_ : *other,
                                  .field_filter = field_filter_,
                                  .encoder = encoder_,
                                  .metadata = metadata_,
                                  .clock = clock_,
                                  .signals = signals_},
        options, kSet, start);
  }

  // Runs a capture to the end of the fake oplog, and stops it as SIGTERM would.
  absl::Status Capture(Options options = {}) {
    const auto pipeline = Make(std::move(options));
    absl::Status ended = pipeline->Run({});
    EXPECT_TRUE(pipeline->Drain(absl::Seconds(1)).ok());
    return ended;
  }

  // What was sent, as `operation id`, a tombstone as `- id`; `!` marks `snapshot: last`.
  std::vector<std::string> Sent() const {
    std::vector<std::string> sent;
    for (const fakes::SentRecord& record : log_.records) {
      const std::string id = record.key.substr(7, record.key.size() - 9);  // {"id":"…"}
      if (!record.value.has_value()) {
        sent.push_back("- " + id);
        continue;
      }
      const size_t op = record.value->find("\"op\":\"");
      std::string text = record.value->substr(op + 6, 1) + " " + id;
      if (record.value->find("\"snapshot\":\"last\"") != std::string::npos) text += "!";
      sent.push_back(text);
    }
    return sent;
  }

  offsets::StoredOffset Stored() { return store_.LoadAll()->at(kSet); }

  // What is stored beside the offset, but for the record of what is captured.
  std::map<std::string, std::string> Kept() {
    auto kept = *store_.LoadProgress(kSet, {});
    kept.erase("filters");
    return kept;
  }

  SnapshotStreaming streaming_ = SnapshotStreaming::kAfter;
  fakes::FakeReplicaSet set_;
  fakes::FakeMemberSource members_{set_};
  fakes::FakeClock clock_;
  fakes::FakeOffsetStore store_;
  fakes::SinkLog log_;
  OffsetCommitter committer_{store_, absl::Hours(1), base::Clock::Real()};
  SignalPost signals_{store_, base::Clock::Real()};
  filter::NamespaceFilter namespace_filter_{
      filter::Options{.collection_exclude = {*base::Regex::Create("db\\.hidden", true)}}};
  filter::FieldFilter field_filter_ = *filter::FieldFilter::Create({});
  encoding::MetadataJson metadata_{
      encoding::Options{.logical_name = "server", .key_schema = false, .value_schema = false}};
  encoding::JsonEncoder encoder_{encoding::Options{.logical_name = "server",
                                                   .connector_version = "1",
                                                   .key_schema = false,
                                                   .value_schema = false}};
};

TEST_F(ReplicaSetPipelineTest, CopiesFirstAndThenStreamsFromWhereTheCopyBegan) {
  set_.Noop(10);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()},
                    {"db.hidden", bson::Builder().Int32("_id", 2).Build()},
                    {"db.b", bson::Builder().Int32("_id", 3).Build()}};
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 1", "r 3!"));
  EXPECT_EQ(Stored(), (offsets::StoredOffset{.position = {{10, 1}, 0}}));

  set_.Insert(11, "db.a", 4);
  set_.Insert(12, "db.hidden", 5);
  set_.Delete(13, "db.a", 4);
  log_.records.clear();
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 4", "d 4", "- 4"));
  EXPECT_EQ(Stored().position, (event::Position{{13, 1}, 0}));
}

// A copy inside the stream ends when all of it is stored: the fake oplog is idle until then.
class ConcurrentSnapshotTest : public ReplicaSetPipelineTest {
 protected:
  ConcurrentSnapshotTest() {
    streaming_ = SnapshotStreaming::kConcurrent;
    set_.at_end = [this]() -> absl::Status {
      const auto stored = store_.LoadAll();
      const auto own = stored->find(kSet);
      return own == stored->end() || own->second.initsync ? absl::OkStatus()
                                                          : absl::CancelledError("end of the test");
    };
  }
};

TEST_F(ConcurrentSnapshotTest, CopiesWhileItStreamsAndMarksTheLast) {
  set_.Noop(10);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()},
                    {"db.hidden", bson::Builder().Int32("_id", 2).Build()},
                    {"db.b", bson::Builder().Int32("_id", 3).Build()}};
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 1", "r 3!"));
  EXPECT_EQ(Stored(), (offsets::StoredOffset{.position = {{10, 1}, 0}}));
  EXPECT_TRUE(Kept().empty());
}

TEST_F(ConcurrentSnapshotTest, AfterACrashOnlyWhatIsNotRecordedIsCopiedAgain) {
  set_.Noop(10);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()},
                    {"db.b", bson::Builder().Int32("_id", 2).Build()}};
  set_.fail_read_of = "db.b";
  EXPECT_EQ(Capture().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Stored().initsync);
  log_.records.clear();
  set_.fail_read_of.clear();
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ::testing::AnyOf(ElementsAre("r 2!"), ElementsAre("r 1", "r 2!")));
  EXPECT_FALSE(Stored().initsync);
}

TEST_F(ConcurrentSnapshotTest, AnUnfinishedCopyOfDebeziumIsBegunAnew) {
  set_.Noop(10);
  set_.Noop(11);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()}};
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}, .initsync = true}).ok());
  ASSERT_TRUE(store_.SaveProgress(kSet, {{"plan", "7"}}).ok());
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 1!"));
  EXPECT_EQ(Stored(), (offsets::StoredOffset{.position = {{11, 1}, 0}}));
}

TEST_F(ConcurrentSnapshotTest, InitialOnlyEndsWithTheCopy) {
  set_.Noop(10);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()}};
  const auto pipeline = Make({.snapshot_mode = SnapshotMode::kInitialOnly});
  EXPECT_TRUE(pipeline->Run({}).ok());
  EXPECT_TRUE(pipeline->Drain(absl::Seconds(1)).ok());
  EXPECT_THAT(Sent(), ElementsAre("r 1!"));
  EXPECT_FALSE(Stored().initsync);
}

TEST_F(ReplicaSetPipelineTest, FilteredEntriesMoveTheOffsetOn) {
  set_.Noop(10);
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  set_.Insert(11, "db.hidden", 1);
  set_.Noop(12);
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), IsEmpty());
  EXPECT_EQ(Stored().position, (event::Position{{12, 1}, 0}));
}

TEST_F(ReplicaSetPipelineTest, NeverStreamsFromNowOnWithoutACopy) {
  set_.Insert(10, "db.a", 1);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()}};
  EXPECT_EQ(Capture({.snapshot_mode = SnapshotMode::kNever}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), IsEmpty());
  set_.Insert(11, "db.a", 2);
  EXPECT_EQ(Capture({.snapshot_mode = SnapshotMode::kNever}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 2"));
}

TEST_F(ReplicaSetPipelineTest, AReplicaSetThatCameLaterIsCapturedFromTheBeginningOfItsOplog) {
  set_.whole = true;
  set_.Noop(9);
  set_.Insert(10, "db.a", 1);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()}};
  const auto pipeline = Make({}, {.beginning = Beginning::kLater});
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 1"));
}

TEST_F(ReplicaSetPipelineTest, OneThatCameLaterWithALongHistoryIsCopied) {
  set_.Insert(10, "db.a", 1);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()}};
  const auto pipeline = Make({}, {.beginning = Beginning::kLater});
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 1!"));
}

TEST_F(ReplicaSetPipelineTest, AShardThatMustStartEarlierRepeatsWhatFollows) {
  set_.Noop(10);
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  for (uint32_t second = 11; second < 15; ++second) {
    set_.Insert(second, "db.a", static_cast<int>(second));
  }
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  log_.records.clear();
  const auto pipeline = Make({}, {.no_later_than = bson::Timestamp{12, 7}});
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 13", "c 14"));
}

TEST_F(ReplicaSetPipelineTest, AFinishingReplicaSetEndsWhenItsOplogIsHandled) {
  set_.Noop(10);
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  set_.Insert(11, "db.a", 1);
  set_.at_end = [] { return absl::InternalError("asked for more than there is"); };
  const auto pipeline = Make();
  pipeline->SetFinishing(true);
  EXPECT_TRUE(pipeline->Run({}).ok());
  EXPECT_TRUE(pipeline->Drain(absl::Seconds(1)).ok());
  EXPECT_THAT(Sent(), ElementsAre("c 1"));
  EXPECT_EQ(Stored().position, (event::Position{{11, 1}, 0}));
}

TEST_F(ReplicaSetPipelineTest, AnInterruptedCopyGoesOnAndStreamsFromItsFirstPosition) {
  set_.Noop(10);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()},
                    {"db.b", bson::Builder().Int32("_id", 2).Build()}};
  log_.fail_at = 1;
  EXPECT_EQ(Capture().message(), "the broker is gone");
  EXPECT_TRUE(Stored().initsync);
  EXPECT_EQ(Stored().position, (event::Position{{10, 1}, 0}));

  // Document 1 was announced and is deleted while nobody captures: its delete must still come.
  set_.Delete(11, "db.a", 1);
  set_.documents.erase(set_.documents.begin());
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 1", "r 2!", "r 2!", "d 1", "- 1"));
  EXPECT_FALSE(Stored().initsync);
  EXPECT_TRUE(store_.LoadProgress(kSet, {})->empty());
}

TEST_F(ReplicaSetPipelineTest, WhereACopyBeganIsStoredBeforeItsFirstEvent) {
  set_.Noop(10);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()}};
  log_.before_first = [this] {
    ASSERT_FALSE(store_.saves().empty());
    EXPECT_EQ(store_.saves().back().position, (event::Position{{10, 1}, 0}));
    EXPECT_TRUE(store_.saves().back().initsync);
  };
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 1!"));
}

TEST_F(ReplicaSetPipelineTest, ANewTryAfterALostConnectionRepeatsNothing) {
  set_.Noop(10);
  set_.Insert(11, "db.a", 1);
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  set_.at_end = [] { return absl::UnavailableError("connection lost"); };
  log_.hold = true;  // not even acknowledged yet
  const auto pipeline = Make();
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kUnavailable);
  set_.Insert(12, "db.a", 2);
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Sent(), ElementsAre("c 1", "c 2"));
  EXPECT_EQ(log_.sinks_made, 1);
  EXPECT_TRUE(pipeline->Drain(absl::Seconds(1)).ok());
  EXPECT_EQ(Stored().position, (event::Position{{12, 1}, 0}));
}

TEST_F(ReplicaSetPipelineTest, AFailedDeliveryIsSentAgainFromTheStoredOffsetByANewSink) {
  set_.Noop(10);
  for (uint32_t i = 1; i <= 4; ++i) set_.Insert(10 + i, "db.a", static_cast<int>(i));
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  log_.fail_at = 1;  // document 2
  const auto pipeline = Make();
  EXPECT_EQ(pipeline->Run({}).message(), "the broker is gone");
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 1", "c 2", "c 3", "c 4", "c 2", "c 3", "c 4"));
  EXPECT_EQ(log_.sinks_made, 2);
}

TEST_F(ReplicaSetPipelineTest, ALostPositionIsCopiedAgainOrRefusedAsTheModeSays) {
  ASSERT_TRUE(store_.Save(kSet, {.position = {{5, 1}, 0}}).ok());
  set_.Noop(10);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()}};
  const absl::Status refused = Capture({.snapshot_mode = SnapshotMode::kNever});
  EXPECT_EQ(refused.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("snapshot.mode=never"));
  EXPECT_EQ(Stored().position, (event::Position{{5, 1}, 0}));
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 1!"));
}

TEST_F(ReplicaSetPipelineTest, ARolledBackPositionIsNeverPassedOverInSilence) {
  ASSERT_TRUE(store_.Save(kSet, {.position = {{11, 7}, 0}}).ok());
  set_.Noop(10);
  set_.Noop(12);
  EXPECT_EQ(Capture({.snapshot_mode = SnapshotMode::kNever}).code(), absl::StatusCode::kAborted);
}

TEST_F(ReplicaSetPipelineTest, CopiesThatNeverReachTheStreamEnd) {
  set_.Noop(10);
  set_.at_end = [this] {
    set_.oplog.clear();
    set_.Noop(20);
    return absl::OutOfRangeError("the oplog rolled over");
  };
  const absl::Status ended = Capture();
  EXPECT_EQ(ended.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(ended.message()), HasSubstr("replSetResizeOplog"));
}

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

TEST_F(ReplicaSetPipelineTest, BeatsFromATimerAlsoWhenNothingIsCaptured) {
  set_.Noop(10);
  set_.Noop(11);
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  const auto pipeline = Make({.heartbeat_interval = absl::Nanoseconds(1)});
  // The clock stands still until the oplog was read.
  set_.at_end = [this] {
    clock_.Advance(absl::Seconds(1));
    return absl::UnavailableError("again");
  };
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kUnavailable);
  set_.Noop(12);
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(pipeline->Drain(absl::Seconds(1)).ok());
  ASSERT_FALSE(log_.records.empty());
  EXPECT_EQ(log_.records[0].topic, "__debezium-heartbeat.server");
  EXPECT_EQ(log_.records[0].key, R"({"serverName":"server"})");
  EXPECT_THAT(*log_.records[0].value, HasSubstr(R"({"ts_ms":16000000)"));
  EXPECT_EQ(Stored().position, (event::Position{{12, 1}, 0}));
}

TEST_F(ReplicaSetPipelineTest, AnUndecodableEntryFailsOrIsCountedAsTheModeSays) {
  set_.Noop(10);
  set_.oplog.push_back(
      bson::Builder().Time("ts", {11, 1}).String("op", "i").String("ns", "db.a").Build());
  set_.Insert(12, "db.a", 2);
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  const absl::Status failed = Capture();
  EXPECT_EQ(failed.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(failed.message()), HasSubstr("db.a"));
  EXPECT_EQ(Stored().position, (event::Position{{10, 1}, 0}));

  const auto pipeline = Make({.failure_mode = FailureMode::kWarn});
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 2"));
  EXPECT_EQ(pipeline->metrics().skipped.value(), 1);
}

TEST_F(ReplicaSetPipelineTest, ARecordThatIsTooLargeForKafkaFailsOrIsCountedAsTheModeSays) {
  for (const bool later : {false, true}) {
    SCOPED_TRACE(later);
    set_.oplog.clear();
    set_.Noop(10);
    ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
    set_.Insert(11, "db.a", 1);
    set_.Insert(12, "db.a", 2, std::string(200'000, 'x'));
    set_.Insert(13, "db.a", 3);
    log_ = {.largest = 150'000, .refuse_later = later};
    const absl::Status ended = Capture();
    EXPECT_EQ(ended.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(ended.message()), HasSubstr("event c of db.a with"));
    EXPECT_THAT(std::string(ended.message()), HasSubstr("2"));
    EXPECT_THAT(std::string(ended.message()), HasSubstr("raise the limit"));
    EXPECT_EQ(Stored().position, (event::Position{{11, 1}, 0}));

    log_ = {.largest = 150'000, .refuse_later = later};
    const auto pipeline = Make(Options{.failure_mode = FailureMode::kSkip});
    EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
    EXPECT_TRUE(pipeline->Drain(absl::Seconds(1)).ok());
    EXPECT_THAT(Sent(), ElementsAre("c 3"));
    EXPECT_EQ(pipeline->metrics().skipped.value(), 1);
    EXPECT_EQ(Stored().position, (event::Position{{13, 1}, 0}));
  }
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

TEST_F(ReplicaSetPipelineTest, ARenameIntoACapturedNameIsCounted) {
  set_.Noop(10);
  const auto rename = [this](uint32_t seconds, std::string_view from, std::string_view to) {
    set_.oplog.push_back(
        bson::Builder()
            .Time("ts", {seconds, 1})
            .String("op", "c")
            .String("ns", "db.$cmd")
            .SubDocument("o",
                         bson::Builder().String("renameCollection", from).String("to", to).view())
            .Build());
  };
  rename(11, "db.hidden", "db.a");
  rename(12, "db.a", "db.b");
  rename(13, "db.tmp.agg_out.1", "db.b");
  rename(14, "db.b", "db.hidden");
  rename(15, "db.system.resharding.1", "db.c");
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  const auto pipeline = Make();
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(pipeline->tailer_metrics().renames_into_captured.value(), 2);
}

// A collection whose documents the fake holds under its new name.
TEST_F(ConcurrentSnapshotTest, ACollectionThatIsRenamedToACapturedNameIsCopied) {
  set_.Noop(10);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()}};
  set_.oplog.push_back(
      bson::Builder()
          .Time("ts", {11, 1})
          .String("op", "c")
          .String("ns", "db.$cmd")
          .Uuid("ui", {'a'})
          .SubDocument(
              "o",
              bson::Builder().String("renameCollection", "db.hidden").String("to", "db.a").view())
          .Build());
  set_.Insert(12, "db.b", 2);
  std::atomic<bool> sent = false;
  log_.before_first = [&] { sent = true; };
  set_.at_end = [&]() -> absl::Status {
    return sent && Kept().empty() ? absl::CancelledError("end of the test") : absl::OkStatus();
  };
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  set_.fail_read_of = "db.a";
  EXPECT_EQ(Capture().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(Stored().initsync);
  EXPECT_FALSE(Kept().empty());
  log_.records.clear();
  ASSERT_TRUE(store_.Save(kSet, {.position = {{12, 1}, 0}}).ok());
  sent = false;
  // After the rename: what is stored beside the offset tells of the copy.
  set_.fail_read_of.clear();
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 1"));
  EXPECT_TRUE(Kept().empty());
}

TEST_F(ConcurrentSnapshotTest, WhatAChangedFilterIncludesIsCopiedAndNothingElse) {
  set_.Noop(10);
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()},
                    {"db.hidden", bson::Builder().Int32("_id", 2).Build()}};
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 1!"));
  log_.records.clear();
  set_.at_end = [&]() -> absl::Status {
    return Kept().empty() ? absl::CancelledError("end of the test") : absl::OkStatus();
  };
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), IsEmpty());

  const filter::NamespaceFilter all{filter::Options{}};
  const auto pipeline = Make({}, {}, &all);
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 2"));
  log_.records.clear();
  EXPECT_EQ(Make({}, {}, &all)->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), IsEmpty());
}

TEST_F(ConcurrentSnapshotTest, WithoutARecordOfTheFiltersOrWithNeverNothingIsCopiedForThem) {
  set_.Noop(10);
  set_.documents = {{"db.hidden", bson::Builder().Int32("_id", 2).Build()}};
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  const filter::NamespaceFilter all{filter::Options{}};
  EXPECT_EQ(Make({}, {}, &all)->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Make({.snapshot_mode = SnapshotMode::kNever}, {}, &all)->Run({}).code(),
            absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), IsEmpty());
}

class SignalledTest : public ReplicaSetPipelineTest {
 protected:
  SignalledTest() {
    set_.Noop(10);
    set_.Insert(11, "db.a", 3);
    set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()},
                      {"db.b", bson::Builder().Int32("_id", 2).Build()},
                      {"db.hidden", bson::Builder().Int32("_id", 4).Build()}};
    EXPECT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
    // The fake oplog is idle until all is done, or the copies are paused.
    set_.at_end = [this]() -> absl::Status {
      const auto kept = Kept();
      bool to_do = false;
      for (const auto& [key, text] : kept) {
        to_do = to_do || SignalPost::IsSignal(key) || !kept.contains("paused");
      }
      return to_do ? absl::OkStatus() : absl::CancelledError("end of the test");
    };
  }

  static std::string Execute(std::string_view pattern) {
    return fmt::format(R"({{"type": "execute-snapshot", "data": {{"data-collections": ["{}"]}}}})",
                       pattern);
  }
  void Give(std::string_view json) {
    ASSERT_TRUE(signals_.Deliver(*signals::ParseSignal(json)).ok());
  }
};

TEST_F(SignalledTest, CopiesWhatIsAskedForWhileItsEventsStream) {
  const auto pipeline = Make();
  Give(Execute("db[.](a|hidden)"));
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 3", "r 1"));
  EXPECT_FALSE(Stored().initsync);
  EXPECT_EQ(pipeline->metrics().signals.value(), 1);
}

TEST_F(SignalledTest, ASignalThatWasGivenBeforeACrashIsDoneAtTheNextStart) {
  {
    const auto pipeline = Make();
    Give(Execute("db[.]b"));
  }
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 3", "r 2"));
}

TEST_F(SignalledTest, WhereTheStreamComesAfterTheSnapshotTheCopyIsMadeInTheStream) {
  ASSERT_TRUE(store_.Delete(kSet).ok());
  const auto pipeline = Make();
  Give(Execute("db[.]a"));
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 1", "r 2!", "r 1"));
}

class NotifiedTest : public SignalledTest {
 protected:
  // What was told, as `key what type data`, without what all have; events as Sent() says.
  std::vector<std::string> Told() const {
    std::vector<std::string> told;
    for (const fakes::SentRecord& record : log_.records) {
      if (record.topic != "told") continue;
      std::string text = *record.value;
      const auto cut = [&text](std::string_view from, std::string_view to) {
        const size_t begin = text.find(from) + from.size();
        return text.substr(begin, text.find(to, begin) - begin);
      };
      told.push_back(fmt::format("{} {} {} {}", cut(R"("id":")", "\""),
                                 cut(R"("aggregate_type":")", "\""), cut(R"("type":")", "\""),
                                 cut(R"("connector_name":"server")", R"(,"replica_set")")));
    }
    return told;
  }
  Options options_{.notification_topic = "told"};
};

TEST_F(NotifiedTest, ASnapshotFromItsBeginToItsEnd) {
  ASSERT_TRUE(store_.Delete(kSet).ok());
  const auto pipeline = Make(options_);
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  const std::vector<std::string> told = Told();
  const std::string id = told.at(0).substr(0, told[0].find(' '));
  EXPECT_TRUE(id.starts_with("rs0-"));
  EXPECT_THAT(
      told,
      ElementsAre(
          id + " Initial Snapshot STARTED ",
          id + R"( Initial Snapshot IN_PROGRESS ,"current_collection_in_progress":"db.a")",
          id + R"( Initial Snapshot IN_PROGRESS ,"current_collection_in_progress":"db.b")",
          id +
              R"( Initial Snapshot TABLE_SCAN_COMPLETED ,"scanned_collection":"db.a","total_rows_scanned":"1","status":"SUCCEEDED")",
          id +
              R"( Initial Snapshot TABLE_SCAN_COMPLETED ,"scanned_collection":"db.b","total_rows_scanned":"1","status":"SUCCEEDED")",
          id + " Initial Snapshot COMPLETED "));
}

TEST_F(NotifiedTest, WhatASignalAsksForWithItsId) {
  const auto pipeline = Make(options_);
  Give(R"({"id": "mine", "type": "execute-snapshot", "data": {"data-collections": ["db[.]b"]}})");
  Give(R"({"id": "none", "type": "execute-snapshot", "data": {"data-collections": ["x[.]y"]}})");
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(
      Told(),
      ElementsAre(
          "rs0 Initial Snapshot SKIPPED ",
          R"(mine Incremental Snapshot STARTED ,"data_collections":"db.b")",
          R"(none Signal REFUSED ,"reason":"no collection that is captured matches data-collections")",
          R"(mine Incremental Snapshot IN_PROGRESS ,"data_collections":"db.b","current_collection_in_progress":"db.b")",
          R"(mine Incremental Snapshot TABLE_SCAN_COMPLETED ,"data_collections":"db.b","scanned_collection":"db.b","total_rows_scanned":"1","status":"SUCCEEDED")",
          "mine Incremental Snapshot COMPLETED "));
}

TEST_F(NotifiedTest, APauseAStopAndWhatCannotBeRead) {
  const auto pipeline = Make(options_);
  Give(R"({"id": "first", "type": "pause-snapshot"})");
  Give(R"({"id": "mine", "type": "execute-snapshot", "data": {"data-collections": ["db[.]b"]}})");
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  Give(R"({"id": "go", "type": "resume-snapshot"})");
  Give(R"({"id": "other", "type": "execute-snapshot", "data": {"data-collections": ["db[.]a"]}})");
  signals_.Refuse(absl::InvalidArgumentError("no JSON"));
  set_.fail_read_of = "db.a";
  set_.read_error = absl::InvalidArgumentError("no such operator");
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Told(), testing::IsSupersetOf(
                          {"mine Incremental Snapshot RESUMED ,\"data_collections\":\"db.b\"",
                           "mine Incremental Snapshot COMPLETED ",
                           " Signal REFUSED ,\"reason\":\"no JSON\"",
                           "other Incremental Snapshot ABORTED ,\"data_collections\":\"db.a\""}));
}

TEST_F(SignalledTest, APauseHoldsUntilItIsResumed) {
  {
    const auto pipeline = Make();
    Give(R"({"type": "pause-snapshot"})");
    Give(Execute("db[.]b"));
  }
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 3"));
  const auto pipeline = Make();
  Give(R"({"type": "resume-snapshot"})");
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 3", "r 2"));
}

TEST_F(SignalledTest, ASecondSignalForACollectionAddsItsDocumentsToTheCopyUnderWay) {
  const auto pipeline = Make();
  const auto of_b = [](std::string_view condition) {
    return fmt::format(R"({{"type": "execute-snapshot", "data": {{"data-collections": ["db[.]b"],
        "additional-condition": "{}"}}}})",
                       condition);
  };
  Give(R"({"type": "pause-snapshot"})");
  Give(of_b(R"({\"x\": 1})"));
  Give(of_b(R"({\"x\": 1})"));
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  const auto queries = [this] {
    for (const auto& [key, text] : Kept()) {
      if (key.starts_with("single/")) {
        return bson::ToDebugString(snapshot::DecodeProgress(text)->query);
      }
    }
    return std::string("none");
  };
  EXPECT_EQ(queries(), R"({ "x" : 1 })");
  Give(of_b(R"({\"y\": 2})"));
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(queries(), R"({ "$or" : [ { "x" : 1 }, { "y" : 2 } ] })");
  Give(Execute("db[.]b"));
  Give(R"({"type": "resume-snapshot"})");
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 3", "r 2"));
}

TEST_F(SignalledTest, AnInsertIntoTheSignalCollectionIsASignalThoughItIsNotCaptured) {
  const auto insert = [this](uint32_t seconds, std::string_view json) {
    set_.oplog.push_back(bson::Builder()
                             .Time("ts", {seconds, 1})
                             .String("op", "i")
                             .String("ns", "db.hidden")
                             .SubDocument("o", *bson::FromJson(json))
                             .Build());
  };
  insert(12, R"({"_id": 1, "type": "who knows", "data": {}})");
  insert(13, R"({"_id": 2, )" + Execute("db[.]b").substr(1));
  const auto pipeline = Make({.signal_collection = "db.hidden"});
  set_.at_end = [&, idle = set_.at_end] {
    return pipeline->metrics().signals.value() == 0 ? absl::OkStatus() : idle();
  };
  EXPECT_EQ(pipeline->Run({}).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("c 3", "r 2"));
  EXPECT_EQ(pipeline->metrics().signals_refused.value(), 1);
}

TEST_F(ReplicaSetPipelineTest, WaitsBeforeTheSnapshotAsAsked) {
  set_.Noop(10);
  EXPECT_EQ(Capture({.snapshot_delay = absl::Seconds(30)}).code(), absl::StatusCode::kCancelled);
  ASSERT_FALSE(clock_.slept().empty());
  EXPECT_EQ(clock_.slept().front(), absl::Seconds(30));
}

}  // namespace
}  // namespace shardtail::pipeline
