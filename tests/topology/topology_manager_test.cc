#include "topology/topology_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <utility>

#include "tests/fakes/fake_clock.h"

namespace shardtail::topology {
namespace {

using ::testing::Gt;
using ::testing::Le;
using ::testing::SizeIs;

// Ends each run with the next of the given results; after the last, runs until it is asked to stop.
class ScriptedRunner : public Runner {
 public:
  struct Result {
    absl::Status status;
    int64_t entries = 0;
  };
  ScriptedRunner(std::string name, std::deque<Result> results)
      : name_(std::move(name)), results_(std::move(results)) {}

  const std::string& replica_set() const override { return name_; }
  int64_t progress() const override { return progress_; }

  absl::Status Run(const std::stop_token& stop) override {
    if (!results_.empty()) {
      const Result result = results_.front();
      results_.pop_front();
      progress_ += result.entries;
      return result.status;
    }
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any stopped;
    stopped.wait(lock, stop, [] { return false; });
    return absl::CancelledError("stopped");
  }

  absl::Status Drain(absl::Duration timeout) override {
    drained_with_ = timeout;
    return drain_status_;
  }

  absl::Status drain_status_;
  absl::Duration drained_with_ = absl::ZeroDuration();

 private:
  const std::string name_;
  std::deque<Result> results_;
  int64_t progress_ = 0;
};

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
  running.drain_status_ = absl::DeadlineExceededError("7 records in flight");
  manager.Add(std::move(runner));
  EXPECT_EQ(manager.Stop(absl::Seconds(5)).message(), "7 records in flight");
  EXPECT_EQ(running.drained_with_, absl::Seconds(5));
}

}  // namespace
}  // namespace shardtail::topology
