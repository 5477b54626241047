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
  // On the cluster as a whole: listDatabases and the like.
  bool AllowsOnCluster(std::string_view action) const;
  // Whether the collections of a database that may not be read are seen, or are none: by
  // listCollections, or as one may read them all, or one of them, which is then meant.
  bool SeesInto(std::string_view database) const;

 private:
  struct Privilege {
    bool any_resource = false;
    bool cluster = false;
    std::string database;
    std::string collection;
    std::vector<std::string> actions;
  };

  static bool Covers(const Privilege& privilege, std::string_view database,
                     std::string_view collection);
  static bool Holds(const Privilege& privilege, std::string_view action);

  bool authenticated_ = false;
  std::vector<Privilege> privileges_;
};

// What a capture needs and `privileges` do not hold, a line for each, with the role that helps:
// `find` on the oplog, and on each of these collections (`db.collection`). All collections of
// `databases` are captured: of one that the user cannot look into, some are missed. Where they are
// to be copied, also listCollections on their databases, which tells their UUIDs.
std::vector<std::string> Lacking(const PrivilegeSet& privileges,
                                 std::span<const std::string> collections,
                                 std::span<const std::string> databases, bool to_copy);

// The same, asked of a server; the client's errors. Without a user, it tries.
absl::StatusOr<std::vector<std::string>> MissingPrivileges(mongo::Client& client,
                                                           std::span<const std::string> collections,
                                                           std::span<const std::string> databases,
                                                           bool to_copy);

// What is missing besides, of a sharded cluster, with a user: on a config server `find` on
// `config.shards`, on each shard on what tells there of migrations and of transactions of several
// shards.
absl::StatusOr<std::vector<std::string>> MissingOnConfigServer(mongo::Client& client);
absl::StatusOr<std::vector<std::string>> MissingOnShard(mongo::Client& client);

// Whether the user is told of databases that it may not read: without, they are not missed.
absl::StatusOr<bool> SeesAllDatabases(mongo::Client& client);

}  // namespace shardtail::shard_discovery

#endif  // SHARDTAIL_SHARD_DISCOVERY_PRIVILEGES_H_
