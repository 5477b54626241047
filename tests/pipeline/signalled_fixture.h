#ifndef SHARDTAIL_TESTS_PIPELINE_SIGNALLED_FIXTURE_H_
#define SHARDTAIL_TESTS_PIPELINE_SIGNALLED_FIXTURE_H_

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "pipeline/signal_post.h"
#include "signals/signal.h"
#include "tests/pipeline/replica_set_pipeline_fixture.h"

namespace shardtail::pipeline {

// A replica set that was captured before, with an entry to stream and documents that signals may
// ask for.
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

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_TESTS_PIPELINE_SIGNALLED_FIXTURE_H_
