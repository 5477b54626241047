#ifndef SHARDTAIL_SHARD_DISCOVERY_DEPLOYMENT_FINDER_H_
#define SHARDTAIL_SHARD_DISCOVERY_DEPLOYMENT_FINDER_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "mongo/client.h"
#include "mongo/options.h"
#include "shard_discovery/replica_set_finder.h"

namespace shardtail::shard_discovery {

// One replica set to capture.
struct ReplicaSet {
  std::string name;      // as its members know it: the `rs` of events and offsets
  std::string shard;     // its `_id` in config.shards; empty where it is no shard
  mongo::SeedSet seeds;  // as config.shards or mongodb.hosts gives them
  bool draining = false;

  friend bool operator==(const ReplicaSet&, const ReplicaSet&) = default;
};

// The member of a config server replica set that tells of the shards.
struct ConfigServer {
  std::string replica_set;
  std::string member;   // host:port, as the replica set knows it
  std::string version;  // of MongoDB
};

// What there is to capture.
struct Deployment {
  std::vector<ReplicaSet> replica_sets;  // by name, each once
  bool sharded = false;                  // some are the shards of a cluster
  std::vector<ConfigServer> config_servers;
};

// Lists the shards that a config server knows (`config.shards`), read from a majority, and no older
// than `after` where that is given. Errors are the client's; kPermissionDenied names the privilege;
// kInternal for a `host` that is none.
using ListShards = std::function<absl::StatusOr<std::vector<ReplicaSet>>(
    mongo::Client* config_server, const std::optional<mongo::ClusterTime>& after)>;
absl::StatusOr<std::vector<ReplicaSet>> ListShardsOf(
    mongo::Client* config_server, const std::optional<mongo::ClusterTime>& after);

// Finds what is behind mongodb.hosts: each element is a replica set, or a config server replica
// set, which stands for all shards of its cluster. One thread at a time.
class DeploymentFinder {
 public:
  // `clock` must outlive the finder.
  DeploymentFinder(const mongo::ConnectionOptions& options, base::Clock& clock,
                   const ConnectToMember& connect = ConnectAndDescribe,
                   ListShards list_shards = ListShardsOf);

  // Looks at all of them, or, when it has done so before, only at those that may have changed: the
  // config servers. Errors are ReplicaSetFinder's and those of the list. A replica set that does
  // not answer is taken as mongodb.hosts names it, so that it holds up no other one; where it is
  // the only one or has no name there, that is an error.
  absl::StatusOr<Deployment> Find(const std::optional<mongo::ClusterTime>& after,
                                  const std::stop_token& stop);

 private:
  struct Element {
    mongo::SeedSet seeds;
    ReplicaSetFinder finder;
    std::optional<ReplicaSet> replica_set;         // known to be none of config servers
    std::unique_ptr<mongo::Client> config_client;  // to a config server; null while not connected
    ConfigServer config_server;                    // the last one
  };

  // Adds what is behind one element to `found`.
  absl::Status Look(Element& element, const std::optional<mongo::ClusterTime>& after,
                    const std::stop_token& stop, Deployment* found);

  static void AddCluster(const Element& element, std::vector<ReplicaSet> shards, Deployment* found);

  const ListShards list_shards_;
  std::vector<Element> elements_;
};

}  // namespace shardtail::shard_discovery

#endif  // SHARDTAIL_SHARD_DISCOVERY_DEPLOYMENT_FINDER_H_
