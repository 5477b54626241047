#include "pipeline/collection_copies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "tests/pipeline/replica_set_pipeline_fixture.h"

namespace shardtail::pipeline {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

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

TEST_F(ReplicaSetPipelineTest, WaitsBeforeTheSnapshotAsAsked) {
  set_.Noop(10);
  EXPECT_EQ(Capture({.snapshot_delay = absl::Seconds(30)}).code(), absl::StatusCode::kCancelled);
  ASSERT_FALSE(clock_.slept().empty());
  EXPECT_EQ(clock_.slept().front(), absl::Seconds(30));
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

TEST_F(ConcurrentSnapshotTest, WhatCannotBeCutIsHandedOverWhileItIsRead) {
  set_.Noop(10);
  set_.without_bound = "db.b";
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()},
                    {"db.b", bson::Builder().Int32("_id", 2).Build()},
                    {"db.b", bson::Builder().Int32("_id", 3).Build()},
                    {"db.b", bson::Builder().Int32("_id", 4).Build()}};
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  // Which collection comes first is left to the threads.
  EXPECT_THAT(Sent(), AnyOf(UnorderedElementsAre("r 1", "r 2", "r 3", "r 4!"),
                            UnorderedElementsAre("r 1!", "r 2", "r 3", "r 4")));
  EXPECT_THAT(Sent().back(), EndsWith("!"));
  EXPECT_EQ(Stored(), (offsets::StoredOffset{.position = {{10, 1}, 0}}));
}

TEST_F(ConcurrentSnapshotTest, WhatCannotBeCutIsReadAgainWholeAfterABrokenRead) {
  set_.Noop(10);
  set_.without_bound = "db.a";
  set_.broken_reads = 2;
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()},
                    {"db.a", bson::Builder().Int32("_id", 2).Build()}};
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  // A part that nobody has taken yet is dropped with its read.
  EXPECT_THAT(Sent(), AnyOf(ElementsAre("r 1", "r 2!"), ElementsAre("r 1", "r 1", "r 2!"),
                            ElementsAre("r 1", "r 1", "r 1", "r 2!")));
  EXPECT_FALSE(Stored().initsync);
}

TEST_F(ReplicaSetPipelineTest, WhatCannotBeCutIsHandedOverInACopyBeforeTheStreamToo) {
  set_.Noop(10);
  set_.without_bound = "db.a";
  set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()},
                    {"db.a", bson::Builder().Int32("_id", 2).Build()},
                    {"db.b", bson::Builder().Int32("_id", 3).Build()}};
  set_.Insert(11, "db.a", 4);
  EXPECT_EQ(Capture().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), AnyOf(UnorderedElementsAre("r 1", "r 2!", "r 3"),
                            UnorderedElementsAre("r 1", "r 2", "r 3!")));
  EXPECT_THAT(Sent().back(), EndsWith("!"));
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
  EXPECT_THAT(Sent(), AnyOf(ElementsAre("r 2!"), ElementsAre("r 1", "r 2!")));
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

// Another shard has passed everything, and is being copied until a test says otherwise.
class MovingCollectionTest : public ConcurrentSnapshotTest {
 protected:
  class IdleProbe : public ShardProbe {
   public:
    absl::Status Advance(const mongo::ClusterTime&, const std::stop_token&) override {
      return absl::OkStatus();
    }
    absl::StatusOr<TransactionPart> FindPart(const event::SessionTransaction&,
                                             const mongo::ClusterTime&,
                                             const std::stop_token&) override {
      return TransactionPart();
    }
  };

  MovingCollectionTest() {
    other_->Pass({1000, 1});
    other_->BeginCopy();
    set_.Noop(10);
    set_.documents = {{"db.a", bson::Builder().Int32("_id", 1).Build()}};
    set_.InsertMoved(11, "db.a", 1);
  }

  // A start that knows its shard to be copied.
  absl::Status CaptureShard() {
    const auto pipeline =
        Make({}, {.copied = true}, nullptr, std::make_unique<CrossShardOrder>("shB", Join("shB")));
    absl::Status ended = pipeline->Run({});
    EXPECT_TRUE(pipeline->Drain(absl::Seconds(1)).ok());
    return ended;
  }

  std::unique_ptr<ShardOrder::Seat> Join(const std::string& name) {
    return order_.Join(name, std::make_unique<IdleProbe>());
  }

  ShardOrder order_;
  std::unique_ptr<ShardOrder::Seat> other_ = Join("shA");
};

TEST_F(MovingCollectionTest, IsCopiedWhenNoOtherShardIs) {
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  set_.at_end = [] { return absl::CancelledError("end of the test"); };
  EXPECT_EQ(CaptureShard().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), IsEmpty());
  EXPECT_THAT(Kept(), ElementsAre(Pair(StartsWith("moving/"), "db.a")));
  // The next process knows of it still.
  ASSERT_TRUE(store_.Save(kSet, {.position = {{11, 1}, 0}}).ok());
  set_.at_end = [&]() -> absl::Status {
    other_->EndCopy({20, 1});
    return Kept().empty() ? absl::CancelledError("end of the test") : absl::OkStatus();
  };
  EXPECT_EQ(CaptureShard().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), ElementsAre("r 1"));
}

TEST_F(MovingCollectionTest, IsNotCopiedWhereNoneWasBeingCopied) {
  other_->EndCopy({10, 1});
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  set_.at_end = [] { return absl::CancelledError("end of the test"); };
  EXPECT_EQ(CaptureShard().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Sent(), IsEmpty());
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(MovingCollectionTest, IsForgottenWhenItIsGone) {
  ASSERT_TRUE(store_.Save(kSet, {.position = {{10, 1}, 0}}).ok());
  bool noted = false;
  set_.at_end = [&]() -> absl::Status {
    if (noted) return Kept().empty() ? absl::CancelledError("end of the test") : absl::OkStatus();
    if (Kept().empty()) return absl::OkStatus();
    noted = true;
    set_.documents.clear();
    other_->EndCopy({20, 1});
    return absl::OkStatus();
  };
  EXPECT_EQ(CaptureShard().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(noted);
  EXPECT_THAT(Sent(), IsEmpty());
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

}  // namespace
}  // namespace shardtail::pipeline
