#ifndef SHARDTAIL_TOPOLOGY_ASSIGNMENT_H_
#define SHARDTAIL_TOPOLOGY_ASSIGNMENT_H_

#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "shard_discovery/deployment_finder.h"

namespace shardtail::topology {

// Which replica sets belong to this process, where several share them (docs/decisions/0015). By
// rendezvous hashing: of all processes the one captures a replica set whose number gives the
// highest hash together with its name. So no process asks another one, a new replica set moves
// none, and one process more takes only those that become its own.
//
// All functions are safe for any thread.
class Assignment {
 public:
  // `count` processes, of which this one is number `index`, from 0.
  Assignment(int count, int index) : count_(count), index_(index) {}

  // The number of the process that captures the replica set; the same on every machine and in every
  // version.
  static int ProcessOf(std::string_view replica_set, int count);

  bool Holds(std::string_view replica_set) const {
    return count_ == 1 || ProcessOf(replica_set, count_) == index_;
  }

  // Leaves what belongs to this process, and remembers the names of the rest.
  void Take(shard_discovery::Deployment* found);

  int count() const { return count_; }
  int index() const { return index_; }

  // What a deployment is made of, as of the last Take().
  struct Elsewhere {
    bool known = false;                  // there was one
    std::set<std::string> replica_sets;  // that other processes capture
  };
  Elsewhere elsewhere() const;

 private:
  const int count_;
  const int index_;
  mutable std::mutex mutex_;  // guards elsewhere_
  Elsewhere elsewhere_;
};

}  // namespace shardtail::topology

#endif  // SHARDTAIL_TOPOLOGY_ASSIGNMENT_H_
