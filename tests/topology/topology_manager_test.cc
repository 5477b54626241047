#include "topology/topology_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <utility>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/scripted_runner.h"

namespace shardtail::topology {
namespace {

using fakes::ScriptedRunner;

using ::testing::Gt;
using ::testing::Le;
using ::testing::SizeIs;

constexpr Options kOptions{
    .backoff_initial = absl::Seconds(1), .backoff_max = absl::Seconds(8), .max_attempts = 5};

absl::Status Unavailable() { return absl::UnavailableError("no primary"); }

TEST(TopologyManagerTest, TriesAgainWithGrowingDelaysAndGivesUpAfterTheLastAttempt) {
  fakes::FakeClock clock;
  TopologyManager manager(kOptions, clock);
  manager.Add(std::make_unique<ScriptedRunner>(
      "rs0", std::deque<ScriptedRunner::Result>(5, {Unavailable()})));
  EXPECT_EQ(manager.Wait({}).message(), "no primary");
  ASSERT_THAT(clock.slept(), SizeIs(4));
  for (size_t i = 0; i < 4; ++i) {
    const absl::Duration full = absl::Seconds(1 << i);
    EXPECT_THAT(clock.slept()[i], Le(full));
    EXPECT_THAT(clock.slept()[i], Gt(full * 0.79));
  }
  const auto statuses = manager.Statuses();
  ASSERT_THAT(statuses, SizeIs(1));
  EXPECT_EQ(statuses[0].state, State::kFailed);
  EXPECT_EQ(statuses[0].failures_in_a_row, 5);
}

// "just over 20 minutes of attempts before failing", says Debezium of its defaults: 16 delays after
// a connection is lost. The attempts' own time comes on top.
TEST(TopologyManagerTest, TheDefaultsGiveUpTwentyMinutesAfterALostConnection) {
  fakes::FakeClock clock;
  TopologyManager manager(Options{}, clock);
  std::deque<ScriptedRunner::Result> results{{Unavailable(), 1}};
  results.insert(results.end(), 16, {Unavailable()});
  manager.Add(std::make_unique<ScriptedRunner>("rs0", results));
  EXPECT_FALSE(manager.Wait({}).ok());
  ASSERT_THAT(clock.slept(), SizeIs(16));
  absl::Duration total;
  for (const absl::Duration delay : clock.slept()) total += delay;
  EXPECT_THAT(total, Le(absl::Seconds(1207)));
  EXPECT_THAT(total, Gt(absl::Seconds(1207) * 0.79));
}

TEST(TopologyManagerTest, ProgressStartsTheCountOfFailuresAnew) {
  fakes::FakeClock clock;
  TopologyManager manager(kOptions, clock);
  std::deque<ScriptedRunner::Result> results(4, {Unavailable()});
  results.push_back({Unavailable(), 10});
  for (int i = 0; i < 5; ++i) results.push_back({Unavailable()});
  manager.Add(std::make_unique<ScriptedRunner>("rs0", results));
  EXPECT_FALSE(manager.Wait({}).ok());
  EXPECT_THAT(clock.slept(), SizeIs(9));
  EXPECT_THAT(clock.slept()[4], Le(absl::Seconds(1)));
}

TEST(TopologyManagerTest, AnErrorThatCannotPassIsNotTriedAgain) {
  fakes::FakeClock clock;
  TopologyManager manager(kOptions, clock);
  manager.Add(std::make_unique<ScriptedRunner>(
      "rs0", std::deque<ScriptedRunner::Result>{{absl::PermissionDeniedError("not authorised")}}));
  EXPECT_EQ(manager.Wait({}).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(clock.slept(), SizeIs(0));
}

TEST(TopologyManagerTest, AFailedReplicaSetLeavesTheOthersRunning) {
  fakes::FakeClock clock;
  TopologyManager manager(kOptions, clock);
  manager.Add(std::make_unique<ScriptedRunner>(
      "rs0", std::deque<ScriptedRunner::Result>{{absl::DataLossError("broken entry")}}));
  manager.Add(std::make_unique<ScriptedRunner>("rs1", std::deque<ScriptedRunner::Result>{}));
  std::stop_source stop;
  std::jthread stopper([&] {
    while (manager.Statuses()[0].state != State::kFailed) std::this_thread::yield();
    EXPECT_EQ(manager.Statuses()[1].state, State::kRunning);
    stop.request_stop();
  });
  EXPECT_TRUE(manager.Wait(stop.get_token()).ok());
  EXPECT_TRUE(manager.Stop(absl::Seconds(5)).ok());
  EXPECT_EQ(manager.Statuses()[1].state, State::kStopped);
}

TEST(TopologyManagerTest, StopDrainsEachAndReportsWhatCouldNotBeDelivered) {
  fakes::FakeClock clock;
  TopologyManager manager(kOptions, clock);
  auto runner = std::make_unique<ScriptedRunner>("rs0", std::deque<ScriptedRunner::Result>{});
  ScriptedRunner& running = *runner;
  running.drain_errors_ = {absl::DeadlineExceededError("7 records in flight")};
  manager.Add(std::move(runner));
  EXPECT_EQ(manager.Stop(absl::Seconds(5)).message(), "7 records in flight");
  EXPECT_EQ(running.drained_with_, absl::Seconds(5));
}

// Waits for what another thread will bring about; the test's own time limit ends it else.
void WaitForState(const TopologyManager& manager, size_t index, State state) {
  while (manager.Statuses().at(index).state != state) std::this_thread::yield();
}

TEST(TopologyManagerTest, AReplicaSetThatIsToFinishEndsDeliveredAndTheOthersGoOn) {
  fakes::FakeClock clock;
  TopologyManager manager(kOptions, clock);
  manager.Add(std::make_unique<ScriptedRunner>("rs0"));
  manager.Add(std::make_unique<ScriptedRunner>("rs1"));
  manager.Finish("rs0");
  WaitForState(manager, 0, State::kFinished);
  EXPECT_EQ(manager.Statuses()[1].state, State::kRunning);
  EXPECT_TRUE(manager.Stop(absl::Seconds(5)).ok());
}

TEST(TopologyManagerTest, WhatCannotBeDeliveredYetIsNotFinished) {
  fakes::FakeClock clock;
  TopologyManager manager(kOptions, clock);
  auto runner = std::make_unique<ScriptedRunner>("rs0");
  runner->drain_errors_ = {absl::DeadlineExceededError("1 record in flight")};
  const std::shared_ptr<const std::atomic<int>> runs = runner->runs();
  manager.Add(std::move(runner));
  manager.Finish("rs0");
  WaitForState(manager, 0, State::kFinished);
  EXPECT_EQ(*runs, 2);
}

TEST(TopologyManagerTest, AFinishedReplicaSetThatComesBackIsANewOne) {
  fakes::FakeClock clock;
  TopologyManager manager(kOptions, clock);
  manager.Add(std::make_unique<ScriptedRunner>("rs0"));
  manager.Finish("rs0");
  WaitForState(manager, 0, State::kFinished);
  EXPECT_FALSE(manager.Update({.name = "rs0", .shard = "", .seeds = {}}));
  manager.Add(std::make_unique<ScriptedRunner>("rs0"));
  ASSERT_THAT(manager.Statuses(), SizeIs(1));
  EXPECT_EQ(manager.Statuses()[0].state, State::kRunning);
}

TEST(TopologyManagerTest, AFailedReplicaSetKeepsNobodyWaiting) {
  fakes::FakeClock clock;
  TopologyManager manager(kOptions, clock);
  auto runner = std::make_unique<ScriptedRunner>(
      "rs0", std::deque<ScriptedRunner::Result>{{absl::DataLossError("broken entry")}});
  ScriptedRunner& failing = *runner;
  manager.Add(std::move(runner));
  EXPECT_FALSE(manager.Wait({}).ok());
  while (!failing.left()) std::this_thread::yield();
}

TEST(TopologyManagerTest, WaitsForMoreWhereMoreMayCome) {
  fakes::FakeClock clock;
  TopologyManager manager({}, clock);
  EXPECT_TRUE(manager.Wait({}).ok());
  std::atomic<bool> ended = false;
  std::jthread waiting([&] {
    EXPECT_FALSE(manager.Wait({}, /*more_may_come=*/true).ok());
    ended = true;
  });
  manager.Add(std::make_unique<ScriptedRunner>(
      "a", std::deque<ScriptedRunner::Result>{{.status = absl::OkStatus()}}));
  while (manager.Statuses().front().state != State::kFinished) std::this_thread::yield();
  EXPECT_FALSE(ended);
  manager.Add(std::make_unique<ScriptedRunner>(
      "b", std::deque<ScriptedRunner::Result>{{.status = absl::DataLossError("broken")}}));
  waiting.join();
}

}  // namespace
}  // namespace shardtail::topology
