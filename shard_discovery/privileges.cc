#include "shard_discovery/privileges.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/status_macros.h"

namespace shardtail::shard_discovery {
namespace {

std::optional<bson::View> DocumentIn(bson::View document, std::string_view name) {
  const auto element = document.Find(name);
  return element.has_value() ? element->GetDocument() : std::nullopt;
}

std::string Text(bson::View document, std::string_view name) {
  const auto element = document.Find(name);
  return element.has_value() ? std::string(element->GetString().value_or("")) : "";
}

bool IsTrue(bson::View document, std::string_view name) {
  const auto element = document.Find(name);
  return element.has_value() && element->IsTrue();
}

constexpr std::array<std::string_view, 1> kOfConfigServer = {"config.shards"};
// What is about to arrive from other shards, and how far transactions of several shards are.
constexpr std::array<std::string_view, 2> kOfShard = {"config.rangeDeletions",
                                                      "config.transactions"};

// `find` on the collection.
void AddIfLacking(const PrivilegeSet& privileges, std::string_view name,
                  std::vector<std::string>* lacking) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return;
  const std::string_view database = name.substr(0, dot);
  if (privileges.Allows("find", database, name.substr(dot + 1))) return;
  lacking->push_back(
      fmt::format("find on {} (the role `read` on the database {})", name, database));
}

absl::StatusOr<PrivilegeSet> AskPrivileges(mongo::Client& client) {
  bson::Builder command;
  command.Int32("connectionStatus", 1).Bool("showPrivileges", true);
  SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Reply status, client.Run("admin", command.view()));
  return PrivilegeSet::Parse(status.view());
}

// Nobody has logged in: nothing is missing, or everything.
absl::StatusOr<std::vector<std::string>> TryWithoutUser(mongo::Client& client,
                                                        std::string_view database,
                                                        std::string_view collection) {
  bson::Builder command;
  command.String("find", collection).Int32("limit", 1).Bool("singleBatch", true);
  absl::Status tried = client.Run(database, command.view()).status();
  if (tried.ok()) return std::vector<std::string>();
  if (absl::IsPermissionDenied(tried) || absl::IsUnauthenticated(tried)) {
    return std::vector<std::string>{fmt::format(
        "everything: {} demands a login, and no user is given (mongodb.user, mongodb.password)",
        client.server().ToString())};
  }
  return tried;
}

// `find` on these collections of the database `config`.
absl::StatusOr<std::vector<std::string>> MissingInConfig(mongo::Client& client,
                                                         std::span<const std::string_view> names) {
  SHARDTAIL_ASSIGN_OR_RETURN(const PrivilegeSet privileges, AskPrivileges(client));
  std::vector<std::string> lacking;
  // Without a user all is missing or nothing, which MissingPrivileges() finds out.
  if (!privileges.authenticated()) return lacking;
  for (const std::string_view name : names) AddIfLacking(privileges, name, &lacking);
  return lacking;
}

}  // namespace

PrivilegeSet PrivilegeSet::Parse(bson::View connection_status) {
  PrivilegeSet set;
  const auto info = DocumentIn(connection_status, "authInfo");
  if (!info.has_value()) return set;
  const auto users = DocumentIn(*info, "authenticatedUsers");
  set.authenticated_ = users.has_value() && !users->empty();
  const auto privileges = DocumentIn(*info, "authenticatedUserPrivileges");
  if (!privileges.has_value()) return set;
  bson::Reader reader(*privileges);
  for (bson::Element element; reader.Next(&element);) {
    const auto document = element.GetDocument();
    const auto resource = document.has_value() ? DocumentIn(*document, "resource") : std::nullopt;
    const auto actions = document.has_value() ? DocumentIn(*document, "actions") : std::nullopt;
    if (!resource.has_value() || !actions.has_value()) continue;
    Privilege privilege;
    privilege.any_resource = IsTrue(*resource, "anyResource");
    privilege.cluster = IsTrue(*resource, "cluster");
    // Of a newer kind: no right that we know.
    if (!privilege.any_resource && !privilege.cluster && !resource->Find("db").has_value()) {
      continue;
    }
    privilege.database = Text(*resource, "db");
    privilege.collection = Text(*resource, "collection");
    bson::Reader action_reader(*actions);
    for (bson::Element action; action_reader.Next(&action);) {
      privilege.actions.emplace_back(action.GetString().value_or(""));
    }
    set.privileges_.push_back(std::move(privilege));
  }
  return set;
}

bool PrivilegeSet::Covers(const Privilege& privilege, std::string_view database,
                          std::string_view collection) {
  if (privilege.any_resource) return true;
  if (privilege.cluster) return false;
  if (!privilege.collection.empty() && privilege.collection != collection) return false;
  if (privilege.collection.empty() && collection.starts_with("system.")) return false;
  if (!privilege.database.empty()) return privilege.database == database;
  return !privilege.collection.empty() || (database != "local" && database != "config");
}

bool PrivilegeSet::Holds(const Privilege& privilege, std::string_view action) {
  return std::ranges::find(privilege.actions, action) != privilege.actions.end();
}

bool PrivilegeSet::Allows(std::string_view action, std::string_view database,
                          std::string_view collection) const {
  return std::ranges::any_of(privileges_, [&](const Privilege& privilege) {
    return Covers(privilege, database, collection) && Holds(privilege, action);
  });
}

bool PrivilegeSet::AllowsOnCluster(std::string_view action) const {
  return std::ranges::any_of(privileges_, [&](const Privilege& privilege) {
    return (privilege.any_resource || privilege.cluster) && Holds(privilege, action);
  });
}

bool PrivilegeSet::SeesInto(std::string_view database) const {
  return Allows("listCollections", database, "") ||
         std::ranges::any_of(privileges_, [&](const Privilege& privilege) {
           return Covers(privilege, database, privilege.collection) && Holds(privilege, "find");
         });
}

std::vector<std::string> Lacking(const PrivilegeSet& privileges,
                                 std::span<const std::string> collections,
                                 std::span<const std::string> databases, bool to_copy) {
  std::vector<std::string> lacking;
  if (!privileges.Allows("find", "local", "oplog.rs")) {
    lacking.emplace_back("find on local.oplog.rs (the role `read` on the database local)");
  }
  std::set<std::string> not_listed;
  for (const std::string& name : collections) {
    AddIfLacking(privileges, name, &lacking);
    const std::string database = name.substr(0, name.find('.'));
    if (to_copy && !privileges.Allows("listCollections", database, "")) not_listed.insert(database);
  }
  for (const std::string& database : not_listed) {
    lacking.push_back(fmt::format(
        "listCollections on the database {0}, to copy its collections (the role `read` on the "
        "database {0}; or snapshot.mode=never)",
        database));
  }
  for (const std::string& database : databases) {
    if (privileges.SeesInto(database)) continue;
    lacking.push_back(
        fmt::format("find on the database {0} (the role `read` on it; or leave it out: "
                    "database.exclude.list)",
                    database));
  }
  return lacking;
}

absl::StatusOr<std::vector<std::string>> MissingPrivileges(mongo::Client& client,
                                                           std::span<const std::string> collections,
                                                           std::span<const std::string> databases,
                                                           bool to_copy) {
  SHARDTAIL_ASSIGN_OR_RETURN(const PrivilegeSet privileges, AskPrivileges(client));
  if (privileges.authenticated()) return Lacking(privileges, collections, databases, to_copy);
  return TryWithoutUser(client, "local", "oplog.rs");
}

absl::StatusOr<std::vector<std::string>> MissingOnConfigServer(mongo::Client& client) {
  return MissingInConfig(client, kOfConfigServer);
}

absl::StatusOr<std::vector<std::string>> MissingOnShard(mongo::Client& client) {
  return MissingInConfig(client, kOfShard);
}

absl::StatusOr<bool> SeesAllDatabases(mongo::Client& client) {
  SHARDTAIL_ASSIGN_OR_RETURN(const PrivilegeSet privileges, AskPrivileges(client));
  return !privileges.authenticated() || privileges.AllowsOnCluster("listDatabases");
}

}  // namespace shardtail::shard_discovery
