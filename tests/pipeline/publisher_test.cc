#include "pipeline/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/pipeline/replica_set_pipeline_fixture.h"

namespace shardtail::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ReplicaSetPipelineTest, FilteredEntriesMoveTheOffsetOn) {
  set_.Noop(10);
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  set_.Insert(11, "db.hidden", 1);
  set_.Noop(12);
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), IsEmpty());
  EXPECT_EQ(Stored().position, (event::Position{{12, 1}, 0}));
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

}  // namespace
}  // namespace shardtail::pipeline
