#ifndef SHARDTAIL_CONFIG_MONGODB_HOSTS_H_
#define SHARDTAIL_CONFIG_MONGODB_HOSTS_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "mongo/options.h"

namespace shardtail::config {

// Reads mongodb.hosts as Debezium 1.3 does: `rs0/host:port,host:port`, plain `host:port,…`,
// `shard1=rs0/…` (the shard's name has no meaning), several separated by `;`. The port is 27017
// where it is left out, an IPv6 address stands in brackets. kInvalidArgument names the part that
// is wrong; all of them, one a line.
absl::StatusOr<std::vector<mongo::SeedSet>> ParseSeedSets(std::string_view text);

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_MONGODB_HOSTS_H_
