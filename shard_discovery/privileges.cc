#include "shard_discovery/privileges.h"

#include <fmt/format.h>

#include <algorithm>

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
    // On the cluster, or of a newer kind: no right to a collection.
    if (!privilege.any_resource && !resource->Find("db").has_value()) continue;
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
  if (!privilege.collection.empty() && privilege.collection != collection) return false;
  if (privilege.collection.empty() && collection.starts_with("system.")) return false;
  if (!privilege.database.empty()) return privilege.database == database;
  return !privilege.collection.empty() || (database != "local" && database != "config");
}

bool PrivilegeSet::Allows(std::string_view action, std::string_view database,
                          std::string_view collection) const {
  return std::ranges::any_of(privileges_, [&](const Privilege& privilege) {
    return Covers(privilege, database, collection) &&
           std::ranges::find(privilege.actions, action) != privilege.actions.end();
  });
}

std::vector<std::string> Lacking(const PrivilegeSet& privileges,
                                 std::span<const std::string> collections) {
  std::vector<std::string> lacking;
  if (!privileges.Allows("find", "local", "oplog.rs")) {
    lacking.emplace_back("find on local.oplog.rs (the role `read` on the database local)");
  }
  for (const std::string& name : collections) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos) continue;
    const std::string_view database = std::string_view(name).substr(0, dot);
    if (!privileges.Allows("find", database, std::string_view(name).substr(dot + 1))) {
      lacking.push_back(
          fmt::format("find on {} (the role `read` on the database {})", name, database));
    }
  }
  return lacking;
}

absl::StatusOr<std::vector<std::string>> MissingPrivileges(
    mongo::Client& client, std::span<const std::string> collections) {
  bson::Builder command;
  command.Int32("connectionStatus", 1).Bool("showPrivileges", true);
  SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Reply status, client.Run("admin", command.view()));
  const PrivilegeSet privileges = PrivilegeSet::Parse(status.view());
  if (privileges.authenticated()) return Lacking(privileges, collections);
  command.Clear();
  command.String("find", "oplog.rs").Int32("limit", 1).Bool("singleBatch", true);
  const absl::Status tried = client.Run("local", command.view()).status();
  if (tried.ok()) return std::vector<std::string>();
  // Access control is on, and nobody has logged in.
  if (absl::IsPermissionDenied(tried) || absl::IsUnauthenticated(tried)) {
    return std::vector<std::string>{fmt::format(
        "everything: {} demands a login, and no user is given (mongodb.user, mongodb.password)",
        client.server().ToString())};
  }
  return tried;
}

}  // namespace shardtail::shard_discovery
