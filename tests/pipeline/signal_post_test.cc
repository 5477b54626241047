#include "pipeline/signal_post.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_offset_store.h"

namespace shardtail::pipeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SignalPostTest : public testing::Test {
 protected:
  void Join(const std::string& replica_set) {
    post_.Join(replica_set, [this, replica_set](const std::string& key, const signals::Signal& s) {
      given_.push_back(replica_set + " " + s.id);
      key_ = key;
    });
  }
  static signals::Signal Pause(const std::string& id) {
    return *signals::ParseSignal(R"({"id": ")" + id + R"(", "type": "pause-snapshot"})");
  }

  fakes::FakeClock clock_;
  fakes::FakeOffsetStore store_;
  SignalPost post_{store_, clock_};
  std::vector<std::string> given_;
  std::string key_;
};

TEST_F(SignalPostTest, AllGetASignalAndItIsKeptUntilEachForgetsIt) {
  Join("rs0");
  Join("rs1");
  ASSERT_TRUE(post_.Deliver(Pause("a")).ok());
  EXPECT_THAT(given_, ElementsAre("rs0 a", "rs1 a"));
  const auto kept = store_.LoadProgress("rs0", {});
  ASSERT_EQ(kept->size(), 1);
  EXPECT_TRUE(SignalPost::IsSignal(kept->begin()->first));
  const auto again = SignalPost::Decode(kept->begin()->second);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, "a");
  ASSERT_TRUE(post_.Forget("rs0", key_).ok());
  EXPECT_THAT(*store_.LoadProgress("rs0", {}), IsEmpty());
  EXPECT_EQ(store_.LoadProgress("rs1", {})->size(), 1);
}

TEST_F(SignalPostTest, NobodyGetsWhatCannotBeKept) {
  Join("rs0");
  store_.FailWith(absl::UnavailableError("no broker"));
  EXPECT_TRUE(absl::IsUnavailable(post_.Deliver(Pause("a"))));
  EXPECT_THAT(given_, IsEmpty());
}

TEST_F(SignalPostTest, TheKeysOfSignalsOfOneTimeKeepTheirOrder) {
  Join("rs0");
  std::string last;
  for (const char* id : {"a", "b", "c"}) {
    ASSERT_TRUE(post_.Deliver(Pause(id)).ok());
    EXPECT_LT(last, key_);
    last = key_;
  }
}

TEST_F(SignalPostTest, WhoHasLeftGetsNothing) {
  Join("rs0");
  post_.Leave("rs0");
  ASSERT_TRUE(post_.Deliver(Pause("a")).ok());
  EXPECT_THAT(given_, IsEmpty());
  EXPECT_FALSE(SignalPost::Decode("{}").ok());
}

}  // namespace
}  // namespace shardtail::pipeline
