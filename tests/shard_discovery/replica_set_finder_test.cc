#include "shard_discovery/replica_set_finder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mongo/tls_check.h"
#include "tests/fakes/fake_clock.h"

namespace shardtail::shard_discovery {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

mongo::HostAndPort Host(std::string name) { return {std::move(name), 1}; }

// Servers by name, each with what it says of itself, or why it does not answer.
class ReplicaSetFinderTest : public ::testing::Test {
 protected:
  ReplicaSetFinderTest() { options_.server_selection_timeout = absl::Seconds(2); }

  // A member of rs0 that knows of `primary` and of the members a, b and c.
  static ServerDescription Member(ServerRole role, std::string_view primary = "a") {
    ServerDescription description;
    description.role = role;
    description.replica_set = "rs0";
    description.primary = primary.empty() ? "" : fmt::format("{}:1", primary);
    description.hosts = {Host("a"), Host("b"), Host("c")};
    return description;
  }

  ReplicaSetFinder Finder(std::vector<std::string> seeds, std::string replica_set = "") {
    mongo::SeedSet set{.replica_set = std::move(replica_set), .hosts = {}};
    for (std::string& seed : seeds) set.hosts.push_back(Host(std::move(seed)));
    return ReplicaSetFinder(
        options_, set, clock_,
        [this](const mongo::ConnectionOptions&, const mongo::HostAndPort& server,
               const std::stop_token&) -> absl::StatusOr<FoundMember> {
          asked_.push_back(server.host);
          if (on_ask_ != nullptr) on_ask_();
          const auto answer = servers_.find(server.host);
          if (answer == servers_.end()) return absl::UnavailableError("connection refused");
          if (!answer->second.ok()) return answer->second.status();
          return FoundMember{.client = nullptr, .description = *answer->second};
        });
  }

  mongo::ConnectionOptions options_;
  fakes::FakeClock clock_;
  std::map<std::string, absl::StatusOr<ServerDescription>> servers_;
  std::function<void()> on_ask_;
  std::vector<std::string> asked_;
};

TEST_F(ReplicaSetFinderTest, ASeedThatIsThePrimaryIsTaken) {
  servers_["a"] = Member(ServerRole::kPrimary);
  ReplicaSetFinder finder = Finder({"a", "b"});
  EXPECT_EQ(finder.FindPrimary({})->description.role, ServerRole::kPrimary);
  EXPECT_THAT(asked_, ElementsAre("a"));
  EXPECT_THAT(finder.known_members(), ElementsAre(Host("a"), Host("b"), Host("c")));
}

TEST_F(ReplicaSetFinderTest, ASecondaryShowsTheWayToThePrimary) {
  servers_["b"] = Member(ServerRole::kSecondary);
  servers_["a"] = Member(ServerRole::kPrimary);
  EXPECT_TRUE(Finder({"b", "c"}).FindPrimary({}).ok());
  EXPECT_THAT(asked_, ElementsAre("b", "a"));
}

TEST_F(ReplicaSetFinderTest, AMemberThatWasRemovedIsPassedOver) {
  // It answers like a server that was never initiated.
  servers_["a"] = Member(ServerRole::kUninitiated);
  servers_["b"] = Member(ServerRole::kPrimary);
  EXPECT_TRUE(Finder({"a", "b"}).FindPrimary({}).ok());

  servers_["a"] = Member(ServerRole::kPrimary);
  ReplicaSetFinder finder = Finder({"a"});
  ASSERT_TRUE(finder.FindPrimary({}).ok());
  servers_["a"] = Member(ServerRole::kUninitiated);
  servers_.erase("b");
  EXPECT_EQ(finder.FindPrimary({}).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ReplicaSetFinderTest, TheReadPreferenceChoosesTheMember) {
  servers_["a"] = Member(ServerRole::kPrimary);
  servers_["b"] = Member(ServerRole::kSecondary);
  servers_["c"] = Member(ServerRole::kSecondary);
  const auto chosen = [this](mongo::ReadMode mode) {
    options_.read_preference.mode = mode;
    asked_.clear();
    const auto found = Finder({"a", "b", "c"}).FindPrimary({});
    return found.ok() ? found->description.role : ServerRole::kOtherMember;
  };
  EXPECT_EQ(chosen(mongo::ReadMode::kSecondary), ServerRole::kSecondary);
  EXPECT_EQ(chosen(mongo::ReadMode::kSecondaryPreferred), ServerRole::kSecondary);
  EXPECT_EQ(chosen(mongo::ReadMode::kPrimaryPreferred), ServerRole::kPrimary);
  EXPECT_EQ(chosen(mongo::ReadMode::kNearest), ServerRole::kPrimary);
  EXPECT_THAT(asked_, ElementsAre("a"));
  servers_.erase("b");
  servers_.erase("c");
  EXPECT_EQ(chosen(mongo::ReadMode::kSecondaryPreferred), ServerRole::kPrimary);
  EXPECT_EQ(chosen(mongo::ReadMode::kSecondary), ServerRole::kOtherMember);
  servers_["b"] = Member(ServerRole::kSecondary);
  servers_.erase("a");
  EXPECT_EQ(chosen(mongo::ReadMode::kPrimaryPreferred), ServerRole::kSecondary);
}

TEST_F(ReplicaSetFinderTest, TheFirstSetOfTagsThatSomeMemberHasCounts) {
  servers_["a"] = Member(ServerRole::kPrimary);
  ServerDescription tagged = Member(ServerRole::kSecondary);
  tagged.tags = {{"dc", "east"}, {"use", "etl"}};
  servers_["b"] = tagged;
  tagged.tags = {{"dc", "west"}};
  servers_["c"] = tagged;
  const auto chosen = [this](std::vector<std::map<std::string, std::string>> tag_sets) {
    options_.read_preference = {.mode = mongo::ReadMode::kSecondary,
                                .tag_sets = std::move(tag_sets)};
    const auto found = Finder({"a", "b", "c"}).FindPrimary({});
    return found.ok() ? found->description.tags.at("dc") : "none";
  };
  EXPECT_EQ(chosen({{{"dc", "west"}}}), "west");
  EXPECT_EQ(chosen({{{"dc", "north"}}, {{"dc", "east"}, {"use", "etl"}}}), "east");
  EXPECT_EQ(chosen({{{"dc", "west"}}, {}}), "west");
  EXPECT_EQ(chosen({{{"dc", "north"}}, {}}), "east");
  EXPECT_EQ(chosen({{{"dc", "north"}}}), "none");
}

TEST_F(ReplicaSetFinderTest, SeedsThatAreDownAreSkipped) {
  servers_["a"] = Member(ServerRole::kPrimary);
  EXPECT_TRUE(Finder({"x", "y", "a"}).FindPrimary({}).ok());
  EXPECT_THAT(asked_, ElementsAre("x", "y", "a"));
}

TEST_F(ReplicaSetFinderTest, MembersOnceSeenAreAskedWhenTheSeedsAreGone) {
  servers_["a"] = Member(ServerRole::kPrimary);
  ReplicaSetFinder finder = Finder({"a"});
  ASSERT_TRUE(finder.FindPrimary({}).ok());
  servers_.erase("a");
  servers_["c"] = Member(ServerRole::kPrimary, "c");
  EXPECT_TRUE(finder.FindPrimary({}).ok());
}

TEST_F(ReplicaSetFinderTest, AnElectionIsWaitedFor) {
  servers_["a"] = Member(ServerRole::kSecondary, "");
  servers_["b"] = Member(ServerRole::kSecondary, "");
  servers_["c"] = Member(ServerRole::kOtherMember, "");
  on_ask_ = [this] {
    if (clock_.slept().size() == 2) servers_["b"] = Member(ServerRole::kPrimary, "b");
  };
  EXPECT_TRUE(Finder({"a"}).FindPrimary({}).ok());
  EXPECT_THAT(clock_.slept(), ElementsAre(absl::Milliseconds(500), absl::Milliseconds(500)));
}

TEST_F(ReplicaSetFinderTest, WithoutAPrimaryEveryHostsAnswerIsNamed) {
  servers_["a"] = Member(ServerRole::kSecondary, "");
  servers_["b"] = Member(ServerRole::kArbiter, "c");
  const absl::Status status = Finder({"a"}).FindPrimary({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(status.message()),
            "no primary of replica set rs0 found within 2s: "
            "a:1: a secondary that knows of no primary; b:1: an arbiter; c:1: connection refused "
            "(TLS is off: mongodb.ssl.enabled=false)");
  EXPECT_THAT(clock_.slept(), SizeIs(4));
}

TEST_F(ReplicaSetFinderTest, AnUnreachableHostIsNamedWithItsReason) {
  servers_["a"] = absl::UnavailableError("hello on a:1: TLS handshake failed");
  options_.ssl = true;
  EXPECT_EQ(std::string(Finder({"a"}).FindPrimary({}).status().message()),
            "no primary found within 2s: a:1: hello on a:1: TLS handshake failed (TLS is on: "
            "mongodb.ssl.enabled=true; certificates are checked with mongodb.ssl.ca.file or the "
            "system's)");
}

TEST_F(ReplicaSetFinderTest, WrongCredentialsAreNotTriedAgain) {
  options_.user = "bob";
  servers_["a"] = absl::UnauthenticatedError("Authentication failed");
  EXPECT_EQ(Finder({"a", "b"}).FindPrimary({}).status(),
            absl::UnauthenticatedError("Authentication failed: as mongodb.user 'bob' of "
                                       "mongodb.authsource 'admin', with mongodb.password"));
  EXPECT_THAT(asked_, ElementsAre("a"));
}

TEST_F(ReplicaSetFinderTest, ADeploymentThatCannotBeCapturedIsRefusedWithTheRemedy) {
  const auto refusal = [this](const ServerDescription& description, std::string replica_set = "") {
    servers_["a"] = description;
    const absl::Status status = Finder({"a"}, std::move(replica_set)).FindPrimary({}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    return std::string(status.message());
  };
  ServerDescription description;
  description.role = ServerRole::kStandalone;
  EXPECT_THAT(refusal(description), AllOf(HasSubstr("a:1 is a standalone"),
                                          HasSubstr("--replSet rs0"), HasSubstr("rs.initiate()")));
  description.role = ServerRole::kMongos;
  EXPECT_THAT(refusal(description),
              AllOf(HasSubstr("a:1 is a mongos"), HasSubstr("config server replica set")));
  description.role = ServerRole::kUninitiated;
  EXPECT_THAT(refusal(description),
              AllOf(HasSubstr("a:1 was started"), HasSubstr("rs.initiate()")));
  EXPECT_EQ(refusal(Member(ServerRole::kPrimary), "rs1"),
            "mongodb.hosts: a:1 belongs to the replica set 'rs0' and not to 'rs1'");
  EXPECT_THAT(clock_.slept(), SizeIs(0));
}

TEST_F(ReplicaSetFinderTest, TwoReplicaSetsInOneListOfSeedsAreRefused) {
  servers_["a"] = Member(ServerRole::kSecondary, "");
  ServerDescription other = Member(ServerRole::kPrimary);
  other.replica_set = "rs9";
  servers_["x"] = other;
  EXPECT_THAT(std::string(Finder({"a", "x"}).FindPrimary({}).status().message()),
              HasSubstr("x:1 belongs to the replica set 'rs9' and not to 'rs0'"));
}

TEST_F(ReplicaSetFinderTest, WithoutDiscoveryTheFirstSeedIsTakenAsItIs) {
  options_.auto_discover = false;
  servers_["b"] = Member(ServerRole::kSecondary);
  servers_["a"] = Member(ServerRole::kPrimary);
  EXPECT_EQ(Finder({"b", "a"}).FindPrimary({})->description.role, ServerRole::kSecondary);
  EXPECT_THAT(asked_, ElementsAre("b"));
}

TEST_F(ReplicaSetFinderTest, WithoutDiscoveryNoOtherServerIsAsked) {
  options_.auto_discover = false;
  servers_["a"] = Member(ServerRole::kPrimary);
  servers_["b"] = Member(ServerRole::kOtherMember);
  EXPECT_THAT(std::string(Finder({"b", "a"}).FindPrimary({}).status().message()),
              AllOf(HasSubstr("no member"), HasSubstr("b:1: a member that is neither")));
  EXPECT_THAT(asked_, ::testing::Each("b"));
}

// As mongo::CheckTls() says it.
absl::Status BadCertificate(const std::string& what) {
  absl::Status status = absl::UnauthenticatedError(what);
  status.SetPayload(mongo::kCertificatePayload, absl::Cord("1"));
  return status;
}

TEST_F(ReplicaSetFinderTest, ACertificateThatIsBadAtEveryMemberEndsTheSearchAtOnce) {
  servers_["a"] = BadCertificate("a's expired");
  servers_["b"] = BadCertificate("b's expired");
  EXPECT_EQ(Finder({"a", "b"}).FindPrimary({}).status(),
            absl::UnauthenticatedError("a's expired; b's expired"));
  EXPECT_THAT(asked_, ElementsAre("a", "b"));
}

TEST_F(ReplicaSetFinderTest, ACertificateThatIsBadAtOneMemberDoesNotHideTheOthers) {
  servers_["a"] = BadCertificate("a's expired");
  servers_["b"] = Member(ServerRole::kPrimary, "b");
  EXPECT_TRUE(Finder({"a", "b"}).FindPrimary({}).ok());
  servers_["b"] = Member(ServerRole::kSecondary, "");
  const absl::Status status = Finder({"a", "b"}).FindPrimary({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << "an election may be under way";
  EXPECT_THAT(std::string(status.message()), HasSubstr("a's expired"));
}

TEST_F(ReplicaSetFinderTest, AStopEndsTheSearch) {
  std::stop_source stop;
  on_ask_ = [&] { stop.request_stop(); };
  EXPECT_EQ(Finder({"a", "b"}).FindPrimary(stop.get_token()).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_THAT(asked_, ElementsAre("a"));
  on_ask_ = nullptr;
  EXPECT_EQ(Finder({}).FindPrimary(stop.get_token()).status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace shardtail::shard_discovery
