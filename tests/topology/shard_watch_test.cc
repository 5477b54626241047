#include "topology/shard_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/scripted_runner.h"

namespace shardtail::topology {
namespace {

using fakes::ScriptedRunner;
using shard_discovery::Deployment;
using shard_discovery::ReplicaSet;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

ReplicaSet Shard(const std::string& name, int port = 1) {
  return {.name = name,
          .shard = name,
          .seeds = {.replica_set = name, .hosts = {{.host = name, .port = port}}}};
}

class ShardWatchTest : public ::testing::Test {
 protected:
  ShardWatchTest()
      : manager_({}, clock_),
        watch_(
            manager_,
            [this](const auto&, const std::stop_token&) -> absl::StatusOr<Deployment> {
              if (!error_.ok()) return error_;
              return found_;
            },
            [this](const ReplicaSet& replica_set) {
              made_.push_back(replica_set.name);
              auto runner = std::make_unique<ScriptedRunner>(replica_set.name);
              runners_[replica_set.name] = runner.get();
              return runner;
            },
            absl::Seconds(30), clock_) {}

  void Find(std::vector<ReplicaSet> shards) {
    found_ = {.replica_sets = std::move(shards), .sharded = true};
    ASSERT_TRUE(watch_.Look(std::nullopt, {}).ok());
  }

  State StateOf(const std::string& name) {
    for (const ReplicaSetStatus& status : manager_.Statuses()) {
      if (status.replica_set == name) return status.state;
    }
    return State::kStopped;
  }

  fakes::FakeClock clock_;
  Deployment found_;
  absl::Status error_;
  std::vector<std::string> made_;
  std::map<std::string, ScriptedRunner*> runners_;
  TopologyManager manager_;
  ShardWatch watch_;
};

TEST_F(ShardWatchTest, ANewShardIsCapturedAndTheOthersAreNotTouched) {
  Find({Shard("a"), Shard("b")});
  Find({Shard("a"), Shard("b"), Shard("c")});
  EXPECT_THAT(made_, ElementsAre("a", "b", "c"));
  EXPECT_THAT(runners_["a"]->updates(), IsEmpty());
}

TEST_F(ShardWatchTest, AShardWhoseMembersChangedIsToldSo) {
  Find({Shard("a"), Shard("b")});
  Find({Shard("a", 2), Shard("b")});
  EXPECT_THAT(made_, SizeIs(2));
  EXPECT_THAT(runners_["a"]->updates(), ElementsAre(Shard("a", 2)));
  EXPECT_THAT(runners_["b"]->updates(), IsEmpty());
}

TEST_F(ShardWatchTest, ARemovedShardIsFinished) {
  Find({Shard("a"), Shard("b")});
  Find({Shard("a")});
  while (StateOf("b") != State::kFinished) std::this_thread::yield();
  EXPECT_EQ(StateOf("a"), State::kRunning);
}

TEST_F(ShardWatchTest, AShardThatComesBackIsCapturedAgain) {
  Find({Shard("a"), Shard("b")});
  Find({Shard("a")});
  while (StateOf("b") != State::kFinished) std::this_thread::yield();
  Find({Shard("a"), Shard("b")});
  EXPECT_THAT(made_, ElementsAre("a", "b", "b"));
  EXPECT_EQ(StateOf("b"), State::kRunning);
}

TEST_F(ShardWatchTest, AListThatCannotBeReadChangesNothing) {
  Find({Shard("a"), Shard("b")});
  error_ = absl::UnavailableError("no config server answers");
  EXPECT_EQ(watch_.Look(std::nullopt, {}), error_);
  EXPECT_EQ(StateOf("a"), State::kRunning);
  EXPECT_EQ(StateOf("b"), State::kRunning);
}

}  // namespace
}  // namespace shardtail::topology
