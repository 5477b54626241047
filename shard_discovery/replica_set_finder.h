#ifndef SHARDTAIL_SHARD_DISCOVERY_REPLICA_SET_FINDER_H_
#define SHARDTAIL_SHARD_DISCOVERY_REPLICA_SET_FINDER_H_

#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "mongo/client.h"
#include "mongo/options.h"
#include "shard_discovery/server_description.h"

namespace shardtail::shard_discovery {

// A connection to a replica set's primary (or the member that the read preference wants; or, with
// mongodb.members.auto.discover=false, the first seed as it is), and what it said of itself.
struct FoundMember {
  std::unique_ptr<mongo::Client> client;
  ServerDescription description;
};

// Connects to one server and describes it; a request of `stop` interrupts the connection's calls,
// then and later.
using ConnectToMember = std::function<absl::StatusOr<FoundMember>(
    const mongo::ConnectionOptions& options, const mongo::HostAndPort& server,
    const std::stop_token& stop)>;
absl::StatusOr<FoundMember> ConnectAndDescribe(const mongo::ConnectionOptions& options,
                                               const mongo::HostAndPort& server,
                                               const std::stop_token& stop);

// Finds the replica set behind one SeedSet and its primary of the moment. Remembers the members
// that it saw, so that the seeds may all be gone later. One thread at a time.
class ReplicaSetFinder {
 public:
  // `clock` must outlive the finder.
  ReplicaSetFinder(mongo::ConnectionOptions options, mongo::SeedSet seeds, base::Clock& clock,
                   ConnectToMember connect = ConnectAndDescribe);

  // Asks seeds and known members until one is what options.read_preference wants (the primary by
  // default), for at most server_selection_timeout. Each round asks all before it takes second
  // best: a secondary with primaryPreferred, the primary with secondaryPreferred, a later set of
  // tags. `nearest` takes the first that answers.
  //   kUnavailable         none answered, or there is no primary; names each host and what it said
  //   kFailedPrecondition  only servers that are not to be captured, and no primary before: a
  //                        standalone, a mongos, another replica set's name, not initiated: what
  //                        to do
  //   kUnauthenticated     wrong credentials; or a certificate is to blame at every member, by name
  //   kPermissionDenied    the user may not even ask what kind of server it is
  //   kInvalidArgument     a host that is no host's name, a certificate file that cannot be read
  //   kCancelled           `stop`, which the connection that is found obeys as well
  absl::StatusOr<FoundMember> FindPrimary(const std::stop_token& stop);

  // Other seeds for the same replica set, from the next call on.
  void SetSeeds(std::vector<mongo::HostAndPort> hosts) { seeds_.hosts = std::move(hosts); }

  // The members seen last, without the seeds; empty before the first success.
  const std::vector<mongo::HostAndPort>& known_members() const { return known_; }

 private:
  // What became of the servers that were asked in one round, for the message when none is primary.
  struct Round {
    std::deque<mongo::HostAndPort> to_ask;
    std::vector<mongo::HostAndPort> asked;
    std::vector<std::string> answers;
    absl::Status wrong_server;  // the first that is no member: fatal where none ever was found
    std::unique_ptr<FoundMember> second_best;
    int second_best_rank = 0;
    std::vector<std::string> certificate_failures;  // see mongo::IsCertificateFailure()

    std::vector<std::string> AllAnswers() const {
      std::vector<std::string> all = certificate_failures;
      all.insert(all.end(), answers.begin(), answers.end());
      return all;
    }
  };

  Round BeginRound() const;
  // How good a choice the member is: 0 the best, less good ones above, kNeverRead the last.
  static constexpr int kNeverRead = std::numeric_limits<int>::max();
  int Rank(const ServerDescription& description) const;
  // The member when it is the best choice, or nothing (what it said is in `round` then).
  absl::StatusOr<std::unique_ptr<FoundMember>> Ask(const mongo::HostAndPort& server, Round* round,
                                                   const std::stop_token& stop);
  absl::Status CheckDeployment(const mongo::HostAndPort& server,
                               const ServerDescription& description) const;

  const mongo::ConnectionOptions options_;
  mongo::SeedSet seeds_;
  base::Clock& clock_;
  const ConnectToMember connect_;
  std::vector<mongo::HostAndPort> known_;
  std::string replica_set_;  // as the seeds name it, or the first member did
};

}  // namespace shardtail::shard_discovery

#endif  // SHARDTAIL_SHARD_DISCOVERY_REPLICA_SET_FINDER_H_
