#include "snapshot/collection_list.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "mongo/cursor.h"

namespace shardtail::snapshot {
namespace {

enum class Listed { kAll, kAuthorized };

absl::Status AddCollections(mongo::Client& client, const std::string& database, Listed listed,
                            Captures captures, std::vector<std::string>* names) {
  bson::Builder command;
  command.Int32("listCollections", 1).Bool("nameOnly", true);
  // In this form it needs no privilege of its own: it lists what the user may read.
  if (listed == Listed::kAuthorized) command.Bool("authorizedCollections", true);
  mongo::Cursor cursor(client, database, command.Build(), {});
  while (!cursor.exhausted()) {
    SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Batch batch, cursor.Next());
    for (const bson::View collection : batch.documents) {
      const auto name = collection.Find("name");
      const auto type = collection.Find("type");
      if (!name.has_value() || !name->GetString().has_value()) continue;
      if (type.has_value() && type->GetString() != "collection") continue;
      std::string full = database;
      full += '.';
      full += *name->GetString();
      const auto ns = event::Namespace::Parse(full);
      if (!ns.has_value()) continue;
      SHARDTAIL_ASSIGN_OR_RETURN(const bool captured, captures(*ns));
      if (captured) names->push_back(std::move(full));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ListDatabases(mongo::Client& client) {
  SHARDTAIL_ASSIGN_OR_RETURN(
      const mongo::Reply reply,
      client.Run("admin", bson::Builder().Int32("listDatabases", 1).Bool("nameOnly", true).view()));
  const auto databases = reply.view().Find("databases");
  if (!databases.has_value() || databases->type != bson::Type::kArray) {
    return absl::InternalError("listDatabases answered without databases");
  }
  std::vector<std::string> names;
  bson::Reader reader(databases->AsDocument());
  bson::Element database;
  while (reader.Next(&database)) {
    if (database.type != bson::Type::kDocument) continue;
    const auto name = database.AsDocument().Find("name");
    if (name.has_value() && name->GetString().has_value()) names.emplace_back(*name->GetString());
  }
  return names;
}

absl::StatusOr<std::vector<std::string>> ListCollections(mongo::Client& client, Captures captures) {
  SHARDTAIL_ASSIGN_OR_RETURN(const std::vector<std::string> databases, ListDatabases(client));
  std::vector<std::string> names;
  for (const std::string& database : databases) {
    // All, where the user may: one that it may not read is missed otherwise.
    absl::Status added = AddCollections(client, database, Listed::kAll, captures, &names);
    if (absl::IsPermissionDenied(added)) {
      added = AddCollections(client, database, Listed::kAuthorized, captures, &names);
    }
    // A user who may read one database only still sees the others' names, but not into them.
    if (absl::IsPermissionDenied(added)) continue;
    SHARDTAIL_RETURN_IF_ERROR(added);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace shardtail::snapshot
