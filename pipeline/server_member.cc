#include "pipeline/server_member.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "mongo/cursor.h"
#include "pipeline/server_snapshot_source.h"
#include "tailer/oplog_reader.h"
#include "tailer/oplog_window.h"

namespace shardtail::pipeline {
namespace {

// A half-open connection is noticed after as long.
constexpr absl::Duration kTailTimeout = absl::Seconds(20);
constexpr absl::Duration kRoleTimeout = absl::Seconds(10);

// The first whose migrations leave a sign at once, see tailer::IncomingMigrations.
constexpr int kWireVersion44 = 9;

// An OplogReader with the connection that it reads from.
class OwningOplogSource : public tailer::OplogSource {
 public:
  OwningOplogSource(std::unique_ptr<mongo::Client> client, const event::Position& from)
      : client_(std::move(client)), reader_(*client_, from) {}

  absl::StatusOr<tailer::OplogBatch> Next() override { return reader_.Next(); }
  absl::StatusOr<tailer::OplogWindow> Window() override { return reader_.Window(); }
  void Interrupt() override { reader_.Interrupt(); }

 private:
  const std::unique_ptr<mongo::Client> client_;
  tailer::OplogReader reader_;
};

}  // namespace

ServerMember::ServerMember(mongo::ConnectionOptions connection, Options options,
                           shard_discovery::FoundMember found, std::stop_token stop)
    : connection_(std::move(connection)),
      options_(std::move(options)),
      stop_(std::move(stop)),
      role_(found.description.role),
      max_wire_version_(found.description.max_wire_version),
      client_(std::move(found.client)),
      lookup_(*client_) {}

absl::StatusOr<offsets::StoredOffset> ServerMember::Latest() {
  SHARDTAIL_ASSIGN_OR_RETURN(const tailer::OplogPoint latest, tailer::LatestEntry(*client_));
  return offsets::StoredOffset{
      .position = latest.position, .session = latest.session, .h = latest.h, .initsync = false};
}

absl::StatusOr<std::unique_ptr<tailer::OplogSource>> ServerMember::Tail(
    const event::Position& from) {
  SHARDTAIL_ASSIGN_OR_RETURN(auto client,
                             mongo::Client::Create(connection_, client_->server(), stop_));
  // The server answers within a second, with nothing if need be. Whoever gave a longer
  // mongodb.socket.timeout.ms knows of a slower one.
  client->LimitWaits(std::max(kTailTimeout, connection_.socket_timeout));
  return std::make_unique<OwningOplogSource>(std::move(client), from);
}

absl::StatusOr<std::unique_ptr<SnapshotSource>> ServerMember::OpenSnapshotSource() {
  SHARDTAIL_ASSIGN_OR_RETURN(auto client,
                             mongo::Client::Create(connection_, client_->server(), stop_));
  return std::make_unique<ServerSnapshotSource>(std::move(client), options_, max_wire_version_);
}

absl::StatusOr<Member::Beginning> ServerMember::FindBeginning() {
  SHARDTAIL_ASSIGN_OR_RETURN(const tailer::OplogBeginning found, tailer::FirstEntry(*client_));
  return Beginning{.first = {.position = found.first.position, .h = found.first.h},
                   .whole = found.whole};
}

absl::StatusOr<offsets::StoredOffset> ServerMember::LastUntil(bson::Timestamp ts) {
  SHARDTAIL_ASSIGN_OR_RETURN(const tailer::OplogPoint point, tailer::LastEntryUntil(*client_, ts));
  return offsets::StoredOffset{.position = point.position, .session = point.session, .h = point.h};
}

bool ServerMember::GivesMigrationSigns() const { return max_wire_version_ >= kWireVersion44; }

absl::StatusOr<tailer::IncomingRanges> ServerMember::PendingRanges() {
  bson::Builder find;
  find.String("find", "rangeDeletions")
      .OpenDocument("filter")
      .Bool("pending", true)
      .Close()
      .OpenDocument("readConcern")
      .String("level", "majority")
      .Close();
  mongo::Cursor cursor(*client_, "config", find.Build(), {});
  tailer::IncomingRanges pending;
  while (!cursor.exhausted()) {
    SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Batch batch, cursor.Next());
    for (const bson::View document : batch.documents) {
      if (auto range = tailer::ParseIncomingRange(document); range.has_value()) {
        pending.ranges.push_back(*std::move(range));
      }
    }
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const mongo::ClusterTime now, ClusterTimeNow());
  pending.read_at = now.time;
  return pending;
}

absl::StatusOr<mongo::ClusterTime> ServerMember::ClusterTimeNow() {
  bson::Builder ping;
  ping.Int32("ping", 1);
  SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Reply reply, client_->Run("admin", ping.view()));
  auto now = mongo::ClusterTimeOf(reply.view());
  if (!now.has_value()) {
    return absl::InternalError(name() + ": a reply without $clusterTime and operationTime");
  }
  return *std::move(now);
}

absl::Status ServerMember::CheckRole() {
  // The stream waits for this answer: shorter than for a copy's batches.
  client_->LimitWaits(kRoleTimeout);
  const auto description = shard_discovery::Describe(*client_);
  client_->LimitWaits(absl::InfiniteDuration());
  SHARDTAIL_RETURN_IF_ERROR(description.status());
  if (!connection_.auto_discover) return absl::OkStatus();
  if (description->role != role_) {
    return absl::UnavailableError(name() + (role_ == shard_discovery::ServerRole::kPrimary
                                                ? " is not the primary any more"
                                                : " is not a secondary any more"));
  }
  if (connection_.read_preference.mode == mongo::ReadMode::kPrimaryPreferred &&
      role_ == shard_discovery::ServerRole::kSecondary && !description->primary.empty()) {
    return absl::UnavailableError("there is a primary again, which is preferred: " +
                                  description->primary);
  }
  return absl::OkStatus();
}

PrimarySource::PrimarySource(const mongo::ConnectionOptions& connection, mongo::SeedSet seeds,
                             Options options, base::Clock& clock)
    : connection_(connection),
      options_(std::move(options)),
      finder_(connection, std::move(seeds), clock) {}

absl::StatusOr<std::unique_ptr<Member>> PrimarySource::Find(const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (new_seeds_.has_value()) finder_.SetSeeds(*std::exchange(new_seeds_, std::nullopt));
  }
  SHARDTAIL_ASSIGN_OR_RETURN(shard_discovery::FoundMember found, finder_.FindPrimary(stop));
  return std::make_unique<ServerMember>(connection_, options_, std::move(found), stop);
}

void PrimarySource::SetSeeds(std::vector<mongo::HostAndPort> hosts) {
  const std::lock_guard lock(mutex_);
  new_seeds_ = std::move(hosts);
}

}  // namespace shardtail::pipeline
