#include "pipeline/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/pipeline/replica_set_pipeline_fixture.h"

namespace shardtail::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace shardtail::pipeline
