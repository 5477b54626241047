#include "pipeline/offset_committer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_offset_store.h"

namespace shardtail::pipeline {
namespace {

using ::testing::SizeIs;

offsets::StoredOffset At(uint32_t seconds) { return {.position = {{seconds, 1}, 0}}; }

// An interval so long that only the test's own calls store anything.
class OffsetCommitterTest : public ::testing::Test {
 protected:
  fakes::FakeOffsetStore store_;
  offsets::AckTracker tracker_;
  OffsetCommitter committer_{store_, absl::Hours(1), base::Clock::Real()};
};

TEST_F(OffsetCommitterTest, StoresAMarkOnlyWhenItMoved) {
  committer_.Add("rs0", tracker_);
  EXPECT_TRUE(committer_.CommitAll().ok());
  EXPECT_THAT(store_.saves(), SizeIs(0));
  tracker_.Pass(At(7));
  EXPECT_TRUE(committer_.CommitAll().ok());
  EXPECT_TRUE(committer_.CommitAll().ok());
  ASSERT_THAT(store_.saves(), SizeIs(1));
  EXPECT_EQ(store_.saves()[0], At(7));
}

TEST_F(OffsetCommitterTest, NeverStoresPastAnUnacknowledgedRecord) {
  committer_.Add("rs0", tracker_);
  tracker_.Pass(At(7));
  const uint64_t ticket = tracker_.Open(At(8));
  tracker_.Pass(At(9));
  EXPECT_TRUE(committer_.CommitAll().ok());
  EXPECT_EQ(store_.saves().back(), At(7));
  tracker_.Acknowledge({&ticket, 1});
  EXPECT_TRUE(committer_.CommitAll().ok());
  EXPECT_EQ(store_.saves().back(), At(9));
}

TEST_F(OffsetCommitterTest, TriesAgainAfterAFailedSave) {
  committer_.Add("rs0", tracker_);
  tracker_.Pass(At(7));
  store_.FailWith(absl::UnavailableError("no broker"));
  EXPECT_EQ(committer_.CommitAll().code(), absl::StatusCode::kUnavailable);
  store_.FailWith(absl::OkStatus());
  EXPECT_TRUE(committer_.CommitAll().ok());
  EXPECT_EQ(store_.saves().back(), At(7));
}

TEST_F(OffsetCommitterTest, RemoveStoresTheLastMarkAndForgetsTheTracker) {
  {
    offsets::AckTracker short_lived;
    committer_.Add("rs0", short_lived);
    short_lived.Pass(At(9));
    EXPECT_TRUE(committer_.Remove("rs0").ok());
  }
  EXPECT_EQ(store_.saves().back(), At(9));
  EXPECT_TRUE(committer_.CommitAll().ok());
  EXPECT_THAT(store_.saves(), SizeIs(1));
}

}  // namespace
}  // namespace shardtail::pipeline
