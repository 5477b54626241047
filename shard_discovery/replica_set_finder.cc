#include "shard_discovery/replica_set_finder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "mongo/tls_check.h"

namespace shardtail::shard_discovery {
namespace {

// Between two rounds: an election takes seconds.
constexpr absl::Duration kPause = absl::Milliseconds(500);

// Whether another server, or the same one later, may answer differently.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsInternal(status);
}

std::string_view DescribeWanted(const mongo::ConnectionOptions& options) {
  if (!options.auto_discover) return "member";
  switch (options.read_preference.mode) {
    case mongo::ReadMode::kPrimary:
      return "primary";
    case mongo::ReadMode::kSecondary:
      return "secondary that the read preference accepts";
    default:
      return "member that the read preference accepts";
  }
}

std::string DescribeRole(const ServerDescription& description) {
  switch (description.role) {
    case ServerRole::kPrimary:
      return "the primary";
    case ServerRole::kSecondary:
      return description.primary.empty()
                 ? "a secondary that knows of no primary"
                 : fmt::format("a secondary of primary {}", description.primary);
    case ServerRole::kArbiter:
      return "an arbiter";
    case ServerRole::kOtherMember:
      return "a member that is neither primary nor secondary (starting, recovering or removed)";
    default:
      return "not a replica set's member";
  }
}

// A server that expects the opposite hangs up or answers nonsense: nothing that names the cause.
std::string_view DescribeTls(const mongo::ConnectionOptions& options) {
  if (!options.ssl) return "TLS is off: mongodb.ssl.enabled=false";
  return "TLS is on: mongodb.ssl.enabled=true; certificates are checked with mongodb.ssl.ca.file "
         "or "
         "the system's";
}

}  // namespace

absl::StatusOr<FoundMember> ConnectAndDescribe(const mongo::ConnectionOptions& options,
                                               const mongo::HostAndPort& server,
                                               const std::stop_token& stop) {
  FoundMember member;
  SHARDTAIL_ASSIGN_OR_RETURN(member.client, mongo::Client::Create(options, server, stop));
  SHARDTAIL_ASSIGN_OR_RETURN(member.description, Describe(*member.client));
  return member;
}

ReplicaSetFinder::ReplicaSetFinder(mongo::ConnectionOptions options, mongo::SeedSet seeds,
                                   base::Clock& clock, ConnectToMember connect)
    : options_(std::move(options)),
      seeds_(std::move(seeds)),
      clock_(clock),
      connect_(std::move(connect)),
      replica_set_(seeds_.replica_set) {}

absl::StatusOr<FoundMember> ReplicaSetFinder::FindPrimary(const std::stop_token& stop) {
  const absl::Duration deadline = clock_.Monotonic() + options_.server_selection_timeout;
  while (true) {
    Round round = BeginRound();
    while (!round.to_ask.empty()) {
      if (stop.stop_requested()) return absl::CancelledError("stopped while finding the primary");
      const mongo::HostAndPort server = round.to_ask.front();
      round.to_ask.pop_front();
      if (std::ranges::find(round.asked, server) != round.asked.end()) continue;
      round.asked.push_back(server);
      SHARDTAIL_ASSIGN_OR_RETURN(const std::unique_ptr<FoundMember> found,
                                 Ask(server, &round, stop));
      if (found != nullptr) return std::move(*found);
    }
    if (!round.asked.empty() && round.certificate_failures.size() == round.asked.size()) {
      return absl::UnauthenticatedError(
          fmt::format("{}", fmt::join(round.certificate_failures, "; ")));
    }
    if (round.second_best != nullptr) return std::move(*round.second_best);
    if (known_.empty()) SHARDTAIL_RETURN_IF_ERROR(round.wrong_server);
    if (clock_.Monotonic() + kPause > deadline) {
      return absl::UnavailableError(
          fmt::format("no {}{} found within {}: {} ({})", DescribeWanted(options_),
                      replica_set_.empty() ? "" : " of replica set " + replica_set_,
                      absl::FormatDuration(options_.server_selection_timeout),
                      fmt::join(round.AllAnswers(), "; "), DescribeTls(options_)));
    }
    if (!clock_.Sleep(kPause, stop)) {
      return absl::CancelledError("stopped while finding the primary");
    }
  }
}

ReplicaSetFinder::Round ReplicaSetFinder::BeginRound() const {
  Round round;
  if (!options_.auto_discover) {
    if (!seeds_.hosts.empty()) round.to_ask.push_back(seeds_.hosts.front());
    return round;
  }
  round.to_ask.assign(known_.begin(), known_.end());
  round.to_ask.insert(round.to_ask.end(), seeds_.hosts.begin(), seeds_.hosts.end());
  return round;
}

absl::StatusOr<std::unique_ptr<FoundMember>> ReplicaSetFinder::Ask(const mongo::HostAndPort& server,
                                                                   Round* round,
                                                                   const std::stop_token& stop) {
  absl::StatusOr<FoundMember> member = connect_(options_, server, stop);
  if (!member.ok()) {
    // Another member may have a good one.
    if (mongo::IsCertificateFailure(member.status())) {
      round->certificate_failures.push_back(std::string(member.status().message()));
      return nullptr;
    }
    if (absl::IsUnauthenticated(member.status())) {
      return absl::UnauthenticatedError(
          fmt::format("{}: as mongodb.user '{}' of mongodb.authsource '{}', with {}",
                      std::string(member.status().message()), options_.user, options_.auth_source,
                      options_.auth_mechanism == mongo::kX509
                          ? "the certificate of mongodb.ssl.certificate.key.file"
                          : "mongodb.password"));
    }
    if (!MayPass(member.status())) return member.status();
    round->answers.push_back(
        fmt::format("{}: {}", server.ToString(), std::string(member.status().message())));
    return nullptr;
  }
  const ServerDescription& description = member->description;
  if (const absl::Status wrong = CheckDeployment(server, description); !wrong.ok()) {
    // A member that was removed, or runs alone for maintenance, is no reason to give up the others.
    round->answers.push_back(std::string(wrong.message()));
    round->wrong_server.Update(wrong);
    return nullptr;
  }
  if (replica_set_.empty()) replica_set_ = description.replica_set;
  if (!options_.auto_discover &&
      (description.role == ServerRole::kPrimary || description.role == ServerRole::kSecondary)) {
    return std::make_unique<FoundMember>(*std::move(member));
  }
  if (description.role == ServerRole::kPrimary) {
    known_ = description.hosts;
    base::LogDebug("replica set {} has its primary at {}", replica_set_, server.ToString());
  }
  const int rank = options_.auto_discover ? Rank(description) : kNeverRead;
  if (rank == 0) return std::make_unique<FoundMember>(*std::move(member));
  round->answers.push_back(fmt::format("{}: {}", server.ToString(), DescribeRole(description)));
  if (!options_.auto_discover) return nullptr;
  // Its primary first, and then the members that only it knows of.
  round->to_ask.insert(round->to_ask.end(), description.hosts.begin(), description.hosts.end());
  if (const auto primary = ParseHostAndPort(description.primary); primary.ok()) {
    round->to_ask.push_front(*primary);
  }
  if (rank != kNeverRead && (round->second_best == nullptr || rank < round->second_best_rank)) {
    round->second_best = std::make_unique<FoundMember>(*std::move(member));
    round->second_best_rank = rank;
  }
  return nullptr;
}

int ReplicaSetFinder::Rank(const ServerDescription& description) const {
  constexpr int kOtherRole = 1000;  // worse than any set of tags
  using mongo::ReadMode;
  const mongo::ReadPreference& wanted = options_.read_preference;
  const bool primary = description.role == ServerRole::kPrimary;
  if (!primary && description.role != ServerRole::kSecondary) return kNeverRead;
  int rank = 0;
  switch (wanted.mode) {
    case ReadMode::kPrimary:
      return primary ? 0 : kNeverRead;
    case ReadMode::kPrimaryPreferred:
      if (primary) return 0;
      rank = kOtherRole;
      break;
    case ReadMode::kSecondary:
      if (primary) return kNeverRead;
      break;
    case ReadMode::kSecondaryPreferred:
      if (primary) return 2 * kOtherRole;  // whatever its tags are
      break;
    case ReadMode::kNearest:
      break;
  }
  if (wanted.tag_sets.empty()) return rank;
  for (const auto& tags : wanted.tag_sets) {
    const bool has_all = std::ranges::all_of(tags, [&](const auto& tag) {
      const auto own = description.tags.find(tag.first);
      return own != description.tags.end() && own->second == tag.second;
    });
    if (has_all) return rank;
    ++rank;
  }
  return kNeverRead;
}

absl::Status ReplicaSetFinder::CheckDeployment(const mongo::HostAndPort& server,
                                               const ServerDescription& description) const {
  const std::string name = server.ToString();
  if (description.role == ServerRole::kStandalone) {
    return absl::FailedPreconditionError(
        fmt::format("mongodb.hosts: {} is a standalone server, which has no oplog. Make it a "
                    "replica set of one "
                    "member: start it with --replSet rs0 and run rs.initiate() in its shell",
                    name));
  }
  if (description.role == ServerRole::kMongos) {
    return absl::FailedPreconditionError(
        fmt::format("mongodb.hosts: {} is a mongos, which has no oplog. Give the config server "
                    "replica set instead, and all shards are found through it: "
                    "db.adminCommand({{getShardMap: 1}}).map.config names it (cfg/host:port,…)",
                    name));
  }
  if (description.role == ServerRole::kUninitiated) {
    return absl::FailedPreconditionError(fmt::format(
        "mongodb.hosts: {} was started as a replica set's member and never initiated: run "
        "rs.initiate() in its shell",
        name));
  }
  // A member that is starting or was removed may not know its name yet.
  if (!replica_set_.empty() && !description.replica_set.empty() &&
      description.replica_set != replica_set_) {
    return absl::FailedPreconditionError(
        fmt::format("mongodb.hosts: {} belongs to the replica set '{}' and not to '{}'", name,
                    description.replica_set, replica_set_));
  }
  return absl::OkStatus();
}

}  // namespace shardtail::shard_discovery
