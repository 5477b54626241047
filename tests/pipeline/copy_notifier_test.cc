#include "pipeline/copy_notifier.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/pipeline/signalled_fixture.h"

namespace shardtail::pipeline {
namespace {

using ::testing::ElementsAre;

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

}  // namespace
}  // namespace shardtail::pipeline
