#include "monitoring/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardtail::monitoring {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using topology::State;

constexpr absl::Duration kStalledAfter = absl::Seconds(30);

Observed Streaming(std::string name = "rs0") {
  return {.replica_set = std::move(name),
          .state = State::kRunning,
          .phase = metrics::Phase::kStreaming,
          .started = true,
          .still = absl::Seconds(9),
          .since_reply = absl::Milliseconds(700)};
}

Check Only(Probe probe, const Observed& observed) {
  return Judge(probe, {observed}, kStalledAfter).at(0);
}

TEST(HealthTest, OneThatStreamsIsUp) {
  for (const Probe probe : {Probe::kLive, Probe::kReady, Probe::kStarted, Probe::kAll}) {
    const Check check = Only(probe, Streaming());
    EXPECT_TRUE(check.up);
    EXPECT_THAT(check.reason, IsEmpty());
    EXPECT_EQ(check.name, "rs0");
  }
}

TEST(HealthTest, OneWithoutANoOpForTooLongIsNotReadyButLive) {
  Observed observed = Streaming();
  observed.still = absl::Seconds(31);
  const Check ready = Only(Probe::kReady, observed);
  EXPECT_FALSE(ready.up);
  EXPECT_THAT(ready.reason, HasSubstr("no oplog entry for 31 s"));
  EXPECT_FALSE(Only(Probe::kAll, observed).up);
  EXPECT_TRUE(Only(Probe::kLive, observed).up);
  EXPECT_TRUE(Only(Probe::kStarted, observed).up);
}

TEST(HealthTest, ASinkThatTakesNothingIsNamed) {
  Observed observed = Streaming();
  observed.still = absl::Minutes(30);
  observed.since_reply = absl::Minutes(30);
  observed.unacknowledged = 1234;
  EXPECT_THAT(Only(Probe::kReady, observed).reason, HasSubstr("1234 records are not acknowledged"));
  EXPECT_TRUE(Only(Probe::kLive, observed).up);
}

TEST(HealthTest, AnElectionIsOverBeforeItCounts) {
  Observed observed = Streaming();
  observed.state = State::kWaiting;
  observed.phase = metrics::Phase::kConnecting;
  observed.last_error = "no primary";
  EXPECT_TRUE(Only(Probe::kReady, observed).up);
  observed.still = absl::Seconds(40);
  EXPECT_THAT(Only(Probe::kReady, observed).reason, HasSubstr("no primary"));
}

TEST(HealthTest, AFailedOneIsNotReady) {
  Observed observed = Streaming();
  observed.state = State::kFailed;
  observed.last_error = "the position is lost";
  EXPECT_EQ(Only(Probe::kReady, observed).reason, "FAILED: the position is lost");
  // The others go on: a restart would only disturb them.
  EXPECT_TRUE(Only(Probe::kLive, observed).up);
}

TEST(HealthTest, OneThatHasNotFoundItsPrimaryIsNotStarted) {
  Observed observed = Streaming();
  observed.started = false;
  observed.phase = metrics::Phase::kConnecting;
  EXPECT_FALSE(Only(Probe::kStarted, observed).up);
  EXPECT_FALSE(Only(Probe::kReady, observed).up);
  EXPECT_TRUE(Only(Probe::kLive, observed).up);
}

TEST(HealthTest, OneThatIsStuckIsNotLive) {
  Observed observed = Streaming();
  observed.since_reply = absl::Minutes(6);
  EXPECT_THAT(Only(Probe::kLive, observed).reason, HasSubstr("stuck"));
  // It may wait for a shard that is interrupted.
  Observed other = Streaming("rs1");
  other.state = State::kWaiting;
  EXPECT_TRUE(Judge(Probe::kLive, {observed, other}, kStalledAfter).at(0).up);
}

TEST(HealthTest, OneThatIsFinishedIsUp) {
  Observed observed = Streaming();
  observed.state = State::kFinished;
  observed.still = absl::Hours(1);
  EXPECT_TRUE(Only(Probe::kAll, observed).up);
}

}  // namespace
}  // namespace shardtail::monitoring
