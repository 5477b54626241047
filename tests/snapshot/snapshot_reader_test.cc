#include "snapshot/snapshot_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/status_macros.h"

namespace shardtail::snapshot {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FakeCollections : public CollectionSource {
 public:
  absl::Status ForEach(const event::Namespace& ns,
                       absl::FunctionRef<absl::Status(bson::View)> consume) override {
    for (const bson::Document& document : documents[std::string(ns.full)]) {
      SHARDTAIL_RETURN_IF_ERROR(consume(document));
    }
    return status;
  }

  std::map<std::string, std::vector<bson::Document>> documents;
  absl::Status status;
};

class SnapshotReaderTest : public ::testing::Test {
 protected:
  static bson::Document Id(int id) { return bson::Builder().Int32("_id", id).Build(); }

  absl::StatusOr<int64_t> Read(const std::vector<std::string>& collections) {
    SnapshotReader reader(collections_, {.position = {{7, 8}, 0}, .session = {}, .h = 5});
    return reader.Read(collections, [this](const event::ChangeEvent& event) {
      EXPECT_EQ(event.position, (event::Position{{7, 8}, 0}));
      EXPECT_EQ(event.h, 5);
      EXPECT_EQ(event.operation, event::Operation::kRead);
      EXPECT_FALSE(event.filter.present());
      std::string text(event.ns.full);
      text += " " + std::to_string(event.id.AsInt32());
      if (event.snapshot == event::SnapshotMark::kLast) text += " last";
      events_.push_back(text);
      return consume_status_;
    });
  }

  FakeCollections collections_;
  std::vector<std::string> events_;
  absl::Status consume_status_;
};

TEST_F(SnapshotReaderTest, MarksTheVeryLastEventThoughTheLastCollectionsAreEmpty) {
  collections_.documents = {{"db.a", {Id(1), Id(2)}}, {"db.b", {Id(3)}}, {"db.c", {}}};
  EXPECT_EQ(*Read({"db.a", "db.b", "db.c", "db.gone"}), 3);
  EXPECT_THAT(events_, ElementsAre("db.a 1", "db.a 2", "db.b 3 last"));
}

TEST_F(SnapshotReaderTest, NothingToCopyMakesNoEvent) {
  EXPECT_EQ(*Read({"db.empty"}), 0);
  EXPECT_EQ(*Read({}), 0);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(SnapshotReaderTest, EndsAtTheFirstErrorAndMarksNoLast) {
  collections_.documents = {{"db.a", {Id(1), Id(2)}}};
  collections_.status = absl::UnavailableError("connection lost");
  EXPECT_EQ(Read({"db.a"}).status().message(), "connection lost");
  EXPECT_THAT(events_, ElementsAre("db.a 1"));
  consume_status_ = absl::CancelledError("stop");
  EXPECT_EQ(Read({"db.a"}).status().message(), "stop");
}

TEST_F(SnapshotReaderTest, ADocumentWithoutAnIdIsNamed) {
  collections_.documents = {{"db.a", {bson::Document()}}};
  const absl::Status status = Read({"db.a"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("db.a"));
}

}  // namespace
}  // namespace shardtail::snapshot
