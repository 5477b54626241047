#include "topology/assignment.h"

#include <xxhash.h>

#include <cstdint>
#include <utility>

namespace shardtail::topology {

int Assignment::ProcessOf(std::string_view replica_set, int count) {
  int highest = 0;
  uint64_t weight = 0;
  for (int index = 0; index < count; ++index) {
    const uint64_t own =
        XXH64(replica_set.data(), replica_set.size(), static_cast<XXH64_hash_t>(index));
    if (index == 0 || own > weight) {
      highest = index;
      weight = own;
    }
  }
  return highest;
}

void Assignment::Take(shard_discovery::Deployment* found) {
  Elsewhere elsewhere{.known = true, .replica_sets = {}};
  std::erase_if(found->replica_sets, [&](const shard_discovery::ReplicaSet& replica_set) {
    if (Holds(replica_set.name)) return false;
    elsewhere.replica_sets.insert(replica_set.name);
    return true;
  });
  const std::lock_guard lock(mutex_);
  elsewhere_ = std::move(elsewhere);
}

Assignment::Elsewhere Assignment::elsewhere() const {
  const std::lock_guard lock(mutex_);
  return elsewhere_;
}

}  // namespace shardtail::topology
