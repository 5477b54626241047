#include "shard_discovery/deployment_finder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "shard_discovery/privileges.h"

namespace shardtail::shard_discovery {
namespace {

// A read that waits for the config server to reach a time is given up after this, and tried again.
constexpr int32_t kListTimeoutMillis = 5000;

// `rs0/host:port,host:port`, as config.shards has it.
absl::StatusOr<mongo::SeedSet> ParseShardHost(std::string_view text) {
  mongo::SeedSet seeds;
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0) {
    return absl::InternalError(fmt::format("'{}' names no replica set before a '/'", text));
  }
  seeds.replica_set = text.substr(0, slash);
  std::string_view rest = text.substr(slash + 1);
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    SHARDTAIL_ASSIGN_OR_RETURN(auto host, ParseHostAndPort(rest.substr(0, comma)));
    seeds.hosts.push_back(std::move(host));
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
  }
  return seeds;
}

absl::StatusOr<ReplicaSet> ParseShard(bson::View document) {
  ReplicaSet shard;
  if (const auto id = document.Find("_id"); id.has_value()) {
    shard.shard = id->GetString().value_or("");
  }
  const auto host = document.Find("host");
  absl::StatusOr<mongo::SeedSet> seeds =
      ParseShardHost(host.has_value() ? host->GetString().value_or("") : "");
  if (!seeds.ok()) {
    return absl::InternalError(fmt::format("config.shards: the host of shard '{}': {}", shard.shard,
                                           std::string(seeds.status().message())));
  }
  shard.seeds = *std::move(seeds);
  shard.name = shard.seeds.replica_set;
  const auto draining = document.Find("draining");
  shard.draining = draining.has_value() && draining->IsTrue();
  return shard;
}

// A refused list, with the privilege that the user lacks there.
absl::Status Refused(mongo::Client& config_server, const absl::Status& refusal) {
  const auto missing = MissingOnConfigServer(config_server);
  if (!missing.ok() || missing->empty()) return refusal;
  return absl::PermissionDeniedError(fmt::format("the config server {}: missing privilege: {}",
                                                 config_server.server().ToString(),
                                                 fmt::join(*missing, ", ")));
}

void AddOnce(ReplicaSet replica_set, Deployment* found) {
  const bool known = std::ranges::any_of(
      found->replica_sets, [&](const ReplicaSet& other) { return other.name == replica_set.name; });
  if (!known) found->replica_sets.push_back(std::move(replica_set));
}

}  // namespace

absl::StatusOr<std::vector<ReplicaSet>> ListShardsOf(
    mongo::Client* config_server, const std::optional<mongo::ClusterTime>& after) {
  bson::Builder command;
  // A cluster has at most some hundreds of shards: one batch holds them all.
  command.String("find", "shards")
      .Int32("batchSize", 100'000)
      .Bool("singleBatch", true)
      .Int32("maxTimeMS", kListTimeoutMillis);
  absl::StatusOr<mongo::Reply> reply;
  if (after.has_value()) {
    reply = config_server->RunAfter("config", command.view(), *after);
  } else {
    command.OpenDocument("readConcern").String("level", "majority").Close();
    reply = config_server->Run("config", command.view());
  }
  if (absl::IsPermissionDenied(reply.status())) return Refused(*config_server, reply.status());
  SHARDTAIL_RETURN_IF_ERROR(reply.status());
  const auto cursor = reply->view().Find("cursor");
  const auto batch = cursor.has_value() && cursor->GetDocument().has_value()
                         ? cursor->AsDocument().Find("firstBatch")
                         : std::nullopt;
  if (!batch.has_value() || !batch->GetDocument().has_value()) {
    return absl::InternalError("config.shards: the server's reply to find holds no firstBatch");
  }
  std::vector<ReplicaSet> shards;
  bson::Reader reader(batch->AsDocument());
  for (bson::Element document; reader.Next(&document);) {
    SHARDTAIL_ASSIGN_OR_RETURN(ReplicaSet shard, ParseShard(document.AsDocument()));
    shards.push_back(std::move(shard));
  }
  return shards;
}

DeploymentFinder::DeploymentFinder(const mongo::ConnectionOptions& options, base::Clock& clock,
                                   const ConnectToMember& connect, ListShards list_shards)
    : list_shards_(std::move(list_shards)) {
  for (const mongo::SeedSet& seeds : options.seeds) {
    elements_.push_back({.seeds = seeds,
                         .finder = ReplicaSetFinder(options, seeds, clock, connect),
                         .replica_set = std::nullopt,
                         .config_client = nullptr,
                         .config_server = {}});
  }
}

absl::StatusOr<Deployment> DeploymentFinder::Find(const std::optional<mongo::ClusterTime>& after,
                                                  const std::stop_token& stop) {
  Deployment found;
  for (Element& element : elements_) {
    SHARDTAIL_RETURN_IF_ERROR(Look(element, after, stop, &found));
  }
  std::ranges::sort(found.replica_sets, {}, &ReplicaSet::name);
  return found;
}

absl::Status DeploymentFinder::Look(Element& element,
                                    const std::optional<mongo::ClusterTime>& after,
                                    const std::stop_token& stop, Deployment* found) {
  if (element.replica_set.has_value()) {
    AddOnce(*element.replica_set, found);
    return absl::OkStatus();
  }
  if (element.config_client != nullptr) {
    if (auto shards = list_shards_(element.config_client.get(), after); shards.ok()) {
      AddCluster(element, *std::move(shards), found);
      return absl::OkStatus();
    }
    // It may be the primary no more, or cut off: look for it anew.
    element.config_client.reset();
  }
  absl::StatusOr<FoundMember> member = element.finder.FindPrimary(stop);
  if (absl::IsUnavailable(member.status()) && elements_.size() > 1 &&
      !element.seeds.replica_set.empty()) {
    base::LogWarn("taken for a replica set to capture, as mongodb.hosts names it: {}",
                  std::string(member.status().message()));
    AddOnce({.name = element.seeds.replica_set, .shard = "", .seeds = element.seeds}, found);
    return absl::OkStatus();
  }
  SHARDTAIL_RETURN_IF_ERROR(member.status());
  if (!member->description.config_server) {
    element.replica_set =
        ReplicaSet{.name = member->description.replica_set, .shard = "", .seeds = element.seeds};
    AddOnce(*element.replica_set, found);
    return absl::OkStatus();
  }
  element.config_client = std::move(member->client);
  element.config_server = {.replica_set = member->description.replica_set,
                           .member = member->description.me,
                           .version = member->description.version};
  SHARDTAIL_ASSIGN_OR_RETURN(std::vector<ReplicaSet> shards,
                             list_shards_(element.config_client.get(), after));
  if (shards.empty()) {
    base::LogWarn(
        "the config server replica set {} knows of no shard yet; one that is added will be "
        "captured",
        member->description.replica_set);
  }
  AddCluster(element, std::move(shards), found);
  return absl::OkStatus();
}

void DeploymentFinder::AddCluster(const Element& element, std::vector<ReplicaSet> shards,
                                  Deployment* found) {
  found->sharded = true;
  found->config_servers.push_back(element.config_server);
  for (ReplicaSet& shard : shards) AddOnce(std::move(shard), found);
}

}  // namespace shardtail::shard_discovery
