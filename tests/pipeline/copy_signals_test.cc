#include "pipeline/copy_signals.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/pipeline/signalled_fixture.h"

namespace shardtail::pipeline {
namespace {

using ::testing::ElementsAre;

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

}  // namespace
}  // namespace shardtail::pipeline
