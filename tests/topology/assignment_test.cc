#include "topology/assignment.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace shardtail::topology {
namespace {

using shard_discovery::Deployment;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kReplicaSets = 1000;

std::string NameOf(int number) { return fmt::format("shard{:04}", number); }

TEST(AssignmentTest, OneProcessHoldsAll) {
  const Assignment alone(1, 0);
  for (int number = 0; number < kReplicaSets; ++number) {
    EXPECT_TRUE(alone.Holds(NameOf(number)));
  }
}

TEST(AssignmentTest, EachReplicaSetBelongsToOneProcess) {
  for (const int count : {2, 3, 16}) {
    std::vector<int> held(static_cast<size_t>(count));
    for (int number = 0; number < kReplicaSets; ++number) {
      int holders = 0;
      for (int index = 0; index < count; ++index) {
        if (!Assignment(count, index).Holds(NameOf(number))) continue;
        ++holders;
        ++held[static_cast<size_t>(index)];
      }
      EXPECT_EQ(holders, 1) << NameOf(number);
    }
    // A fair share each, as far as chance is fair.
    EXPECT_THAT(held, Each(Gt(kReplicaSets / count / 2))) << count;
  }
}

// An upgrade must not move a replica set while processes of both versions run.
TEST(AssignmentTest, StaysTheSameInEveryVersion) {
  std::vector<int> processes;
  for (const char* name : {"rs0", "rs1", "rs2", "shard0000", "shard0001", "shard0002"}) {
    processes.push_back(Assignment::ProcessOf(name, 3));
  }
  EXPECT_THAT(processes, ElementsAre(0, 1, 0, 2, 1, 2));
}

TEST(AssignmentTest, OneProcessMoreTakesOnlyItsOwn) {
  int moved = 0;
  for (int number = 0; number < kReplicaSets; ++number) {
    const int before = Assignment::ProcessOf(NameOf(number), 4);
    const int after = Assignment::ProcessOf(NameOf(number), 5);
    if (before == after) continue;
    EXPECT_EQ(after, 4) << NameOf(number);
    ++moved;
  }
  EXPECT_GT(moved, 0);
  EXPECT_LT(moved, kReplicaSets * 3 / 10);
}

TEST(AssignmentTest, TakesItsOwnAndRemembersTheRest) {
  Assignment first(2, 0);
  Assignment second(2, 1);
  EXPECT_FALSE(first.elsewhere().known);
  Deployment found;
  for (int number = 0; number < 10; ++number)
    found.replica_sets.push_back({.name = NameOf(number)});
  Deployment of_first = found;
  Deployment of_second = found;
  first.Take(&of_first);
  second.Take(&of_second);
  EXPECT_TRUE(first.elsewhere().known);
  EXPECT_THAT(first.elsewhere().replica_sets, SizeIs(of_second.replica_sets.size()));
  for (const auto& replica_set : of_second.replica_sets) {
    EXPECT_TRUE(first.elsewhere().replica_sets.contains(replica_set.name));
  }
  EXPECT_EQ(of_first.replica_sets.size() + of_second.replica_sets.size(), 10U);
  Deployment none;
  first.Take(&none);
  EXPECT_THAT(first.elsewhere().replica_sets, IsEmpty());
}

}  // namespace
}  // namespace shardtail::topology
