#ifndef SHARDTAIL_SHARD_DISCOVERY_PRIVILEGES_H_
#define SHARDTAIL_SHARD_DISCOVERY_PRIVILEGES_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "mongo/bson.h"
#include "mongo/client.h"

namespace shardtail::shard_discovery {

// What the connected user may do, by MongoDB's rules of which resource a privilege covers (see
// "Resource Document" in its manual): a privilege on {db: "", collection: ""} covers every database
// but `local` and `config`, and one on a whole database no `system.` collections.
class PrivilegeSet {
 public:
  // From the reply to {connectionStatus: 1, showPrivileges: true}. What it does not understand
  // gives no right.
  static PrivilegeSet Parse(bson::View connection_status);

  // False without a user: then either everything is allowed or nothing.
  bool authenticated() const { return authenticated_; }

  bool Allows(std::string_view action, std::string_view database,
              std::string_view collection) const;

 private:
  struct Privilege {
    bool any_resource = false;
    std::string database;
    std::string collection;
    std::vector<std::string> actions;
  };

  static bool Covers(const Privilege& privilege, std::string_view database,
                     std::string_view collection);

  bool authenticated_ = false;
  std::vector<Privilege> privileges_;
};

// What a capture needs and `privileges` do not hold, a line for each, with the role that helps:
// `find` on the oplog, and on each of these collections (`db.collection`).
std::vector<std::string> Lacking(const PrivilegeSet& privileges,
                                 std::span<const std::string> collections);

// The same, asked of a server; the client's errors. Without a user, it tries.
absl::StatusOr<std::vector<std::string>> MissingPrivileges(
    mongo::Client& client, std::span<const std::string> collections = {});

}  // namespace shardtail::shard_discovery

#endif  // SHARDTAIL_SHARD_DISCOVERY_PRIVILEGES_H_
