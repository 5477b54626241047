#ifndef SHARDTAIL_SHARD_DISCOVERY_SERVER_DESCRIPTION_H_
#define SHARDTAIL_SHARD_DISCOVERY_SERVER_DESCRIPTION_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "mongo/bson.h"
#include "mongo/client.h"
#include "mongo/options.h"

namespace shardtail::shard_discovery {

enum class ServerRole {
  kStandalone,
  kMongos,
  kUninitiated,  // started with --replSet, replSetInitiate not run
  kPrimary,
  kSecondary,
  kArbiter,
  kOtherMember,  // starting up, recovering, rolling back, removed
};

// What a server says of itself (`hello`, or `isMaster` on 4.2, and `buildInfo`).
struct ServerDescription {
  ServerRole role = ServerRole::kOtherMember;
  bool config_server = false;
  std::string replica_set;
  std::string me;                           // host:port as the replica set knows it
  std::string primary;                      // host:port; empty when there is none
  std::vector<mongo::HostAndPort> hosts;    // data-bearing, visible members
  std::map<std::string, std::string> tags;  // for read preferences
  int max_wire_version = 0;
  std::string version;  // "6.0.5"
};

// From the replies to `hello` or `isMaster`, and to `buildInfo`.
ServerDescription ParseServerDescription(bson::View hello, bson::View build_info);

// `host:port`, `[::1]:port`, or `host` for port 27017, as servers list their members.
// kInvalidArgument for anything else.
absl::StatusOr<mongo::HostAndPort> ParseHostAndPort(std::string_view text);

// Asks the server at the other end. Errors are Client::Run()'s.
absl::StatusOr<ServerDescription> Describe(mongo::Client& client);

}  // namespace shardtail::shard_discovery

#endif  // SHARDTAIL_SHARD_DISCOVERY_SERVER_DESCRIPTION_H_
