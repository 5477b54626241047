#include "snapshot/snapshot_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/status_macros.h"

namespace shardtail::snapshot {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Collections in memory. Each batch's bytes are gone after its call, as a reply's are.
class FakeCollections : public CollectionSource {
 public:
  void Add(const std::string& ns, const std::vector<int>& ids) {
    for (const int id : ids) documents_[ns].push_back(bson::Builder().Int32("_id", id).Build());
  }
  void Add(const std::string& ns, bson::Document document) {
    documents_[ns].push_back(std::move(document));
  }
  size_t batch_size = 2;
  std::string broken;  // the connection is lost after its first batch

  absl::Status Read(const event::Namespace& ns, Consume consume) override {
    const std::vector<bson::Document>& documents = documents_[std::string(ns.full)];
    SHARDTAIL_RETURN_IF_ERROR(consume({}));  // servers give empty replies, too
    for (size_t begin = 0; begin < documents.size(); begin += batch_size) {
      const size_t size = std::min(batch_size, documents.size() - begin);
      std::vector<bson::Document> copies(documents.begin() + static_cast<ptrdiff_t>(begin),
                                         documents.begin() + static_cast<ptrdiff_t>(begin + size));
      const std::vector<bson::View> batch(copies.begin(), copies.end());
      SHARDTAIL_RETURN_IF_ERROR(consume(batch));
      if (ns.full == broken) return absl::UnavailableError("connection lost");
    }
    return absl::OkStatus();
  }

 private:
  std::map<std::string, std::vector<bson::Document>> documents_;
};

class SnapshotReaderTest : public ::testing::Test {
 protected:
  // Notes each event as `ns id`, the last with `!`.
  absl::StatusOr<int64_t> Copy(const std::vector<std::string>& names) {
    SnapshotReader reader(collections_, {.position = {{100, 7}, 0}, .session = {}, .h = 5});
    return reader.Read(names, [this](const event::ChangeEvent& event) {
      EXPECT_EQ(event.operation, event::Operation::kRead);
      EXPECT_EQ(event.position, (event::Position{{100, 7}, 0}));
      EXPECT_EQ(event.h, 5);
      EXPECT_NE(event.snapshot, event::SnapshotMark::kFalse);
      EXPECT_TRUE(event.document.present());
      EXPECT_FALSE(event.filter.present());
      events_.push_back(fmt::format("{} {}{}", event.ns.full, event.id.AsInt32(),
                                    event.snapshot == event::SnapshotMark::kLast ? "!" : ""));
      return consume_status_;
    });
  }

  FakeCollections collections_;
  absl::Status consume_status_;
  std::vector<std::string> events_;
};

TEST_F(SnapshotReaderTest, CopiesEveryDocumentAndMarksTheVeryLast) {
  collections_.Add("db.a", {1, 2, 3});
  collections_.Add("db.b", {4, 5});
  EXPECT_EQ(*Copy({"db.a", "db.b"}), 5);
  EXPECT_THAT(events_, ElementsAre("db.a 1", "db.a 2", "db.a 3", "db.b 4", "db.b 5!"));
}

TEST_F(SnapshotReaderTest, TheLastIsFoundThoughEmptyCollectionsFollow) {
  collections_.Add("db.b", {1});
  EXPECT_EQ(*Copy({"db.a", "db.b", "db.c", "db.d"}), 1);
  EXPECT_THAT(events_, ElementsAre("db.b 1!"));
}

TEST_F(SnapshotReaderTest, NothingToCopyIsNoEvent) {
  EXPECT_EQ(*Copy({}), 0);
  EXPECT_EQ(*Copy({"db.a"}), 0);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(SnapshotReaderTest, ACopyThatFailsMarksNothingAsTheLast) {
  collections_.Add("db.a", {1, 2});
  collections_.Add("db.b", {3, 4, 5, 6});
  collections_.broken = "db.b";
  EXPECT_EQ(Copy({"db.a", "db.b"}).status(), absl::UnavailableError("connection lost"));
  EXPECT_THAT(events_, ElementsAre("db.a 1", "db.a 2", "db.b 3"));
}

TEST_F(SnapshotReaderTest, TheConsumersErrorEndsTheCopy) {
  collections_.Add("db.a", {1, 2, 3});
  consume_status_ = absl::InternalError("the sink is gone");
  EXPECT_EQ(Copy({"db.a"}).status(), absl::InternalError("the sink is gone"));
  EXPECT_THAT(events_, ElementsAre("db.a 1"));
}

TEST_F(SnapshotReaderTest, ADocumentWithoutAKeyIsNamed) {
  collections_.Add("db.a", bson::Builder().Int32("x", 1).Build());
  const absl::Status status = Copy({"db.a"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("a document of db.a has no _id"));
}

TEST_F(SnapshotReaderTest, ANameThatIsNoneIsRefused) {
  EXPECT_EQ(Copy({"db"}).status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace shardtail::snapshot
