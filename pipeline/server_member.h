#ifndef SHARDTAIL_PIPELINE_SERVER_MEMBER_H_
#define SHARDTAIL_PIPELINE_SERVER_MEMBER_H_

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "mongo/client.h"
#include "mongo/options.h"
#include "pipeline/member.h"
#include "pipeline/options.h"
#include "shard_discovery/replica_set_finder.h"
#include "tailer/server_entry_lookup.h"

namespace shardtail::pipeline {

// A real server. It uses two connections: one tails the oplog, the other looks entries up and asks
// for the server's role. A copy has others.
class ServerMember : public Member {
 public:
  // Takes the connection that `found` holds. A request of `stop` interrupts both connections.
  ServerMember(mongo::ConnectionOptions connection, Options options,
               shard_discovery::FoundMember found, std::stop_token stop);

  std::string name() const override { return client_->server().ToString(); }
  absl::StatusOr<offsets::StoredOffset> Latest() override;
  absl::StatusOr<std::unique_ptr<tailer::OplogSource>> Tail(const event::Position& from) override;
  tailer::EntryLookup& lookup() override { return lookup_; }
  absl::StatusOr<std::unique_ptr<SnapshotSource>> OpenSnapshotSource() override;
  absl::StatusOr<Beginning> FindBeginning() override;
  absl::StatusOr<offsets::StoredOffset> LastUntil(bson::Timestamp ts) override;
  bool GivesMigrationSigns() const override;
  absl::StatusOr<tailer::IncomingRanges> PendingRanges() override;
  absl::StatusOr<mongo::ClusterTime> ClusterTimeNow() override;
  absl::Status CheckRole() override;

 private:
  const mongo::ConnectionOptions connection_;
  const Options options_;
  const std::stop_token stop_;
  const shard_discovery::ServerRole role_;  // when it was chosen
  const int max_wire_version_;
  const std::unique_ptr<mongo::Client> client_;
  tailer::ServerEntryLookup lookup_;
};

// Finds the primary of a replica set. One thread at a time, but for SetSeeds().
class PrimarySource : public MemberSource {
 public:
  // `clock` must outlive it.
  PrimarySource(const mongo::ConnectionOptions& connection, mongo::SeedSet seeds, Options options,
                base::Clock& clock);

  absl::StatusOr<std::unique_ptr<Member>> Find(const std::stop_token& stop) override;

  // Other seeds of the same replica set, from the next Find() on. Any thread.
  void SetSeeds(std::vector<mongo::HostAndPort> hosts);

 private:
  const mongo::ConnectionOptions connection_;
  const Options options_;
  shard_discovery::ReplicaSetFinder finder_;
  std::mutex mutex_;  // guards new_seeds_
  std::optional<std::vector<mongo::HostAndPort>> new_seeds_;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_SERVER_MEMBER_H_
