#include "pipeline/replica_set_pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/pipeline/replica_set_pipeline_fixture.h"

namespace shardtail::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace shardtail::pipeline
