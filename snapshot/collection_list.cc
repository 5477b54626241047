#include "snapshot/collection_list.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "mongo/cursor.h"

namespace shardtail::snapshot {
namespace {

enum class Form { kDescriptions, kNames, kAuthorizedNames };

absl::Status AddCollections(mongo::Client& client, const std::string& database, Form form,
                            Captures captures, std::vector<ListedCollection>* found) {
  bson::Builder command;
  command.Int32("listCollections", 1).Bool("nameOnly", form != Form::kDescriptions);
  // In this form it needs no privilege of its own: it lists what the user may read.
  if (form == Form::kAuthorizedNames) command.Bool("authorizedCollections", true);
  mongo::Cursor cursor(client, database, command.Build(), {});
  while (!cursor.exhausted()) {
    SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Batch batch, cursor.Next());
    for (const bson::View collection : batch.documents) {
      const auto name = collection.Find("name");
      const auto type = collection.Find("type");
      if (!name.has_value() || !name->GetString().has_value()) continue;
      if (type.has_value() && type->GetString() != "collection") continue;
      const auto description = ParseDescription(collection);
      if (form == Form::kDescriptions && !description.has_value()) continue;
      std::string full = database;
      full += '.';
      full += *name->GetString();
      const auto ns = event::Namespace::Parse(full);
      if (!ns.has_value()) continue;
      SHARDTAIL_ASSIGN_OR_RETURN(const bool captured, captures(*ns));
      if (!captured) continue;
      found->push_back(
          {.ns = std::move(full), .description = description.value_or(CollectionDescription())});
    }
  }
  return absl::OkStatus();
}

// Without the descriptions.
absl::Status AddNames(mongo::Client& client, const std::string& database, Captures captures,
                      std::vector<ListedCollection>* found) {
  // All, where the user may: one that it may not read is missed otherwise.
  absl::Status added = AddCollections(client, database, Form::kNames, captures, found);
  if (absl::IsPermissionDenied(added)) {
    added = AddCollections(client, database, Form::kAuthorizedNames, captures, found);
  }
  // A user who may read one database only still sees the others' names, but not into them.
  return absl::IsPermissionDenied(added) ? absl::OkStatus() : added;
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
  std::vector<ListedCollection> found;
  for (const std::string& database : databases) {
    SHARDTAIL_RETURN_IF_ERROR(AddNames(client, database, captures, &found));
  }
  std::vector<std::string> names;
  names.reserve(found.size());
  for (ListedCollection& collection : found) names.push_back(std::move(collection.ns));
  std::ranges::sort(names);
  return names;
}

absl::StatusOr<std::vector<ListedCollection>> DescribeCollections(mongo::Client& client,
                                                                  Captures captures) {
  SHARDTAIL_ASSIGN_OR_RETURN(const std::vector<std::string> databases, ListDatabases(client));
  std::vector<ListedCollection> found;
  for (const std::string& database : databases) {
    const absl::Status added =
        AddCollections(client, database, Form::kDescriptions, captures, &found);
    if (absl::IsPermissionDenied(added)) {
      // Only where there is something to describe is the privilege missed.
      std::vector<ListedCollection> not_described;
      SHARDTAIL_RETURN_IF_ERROR(AddNames(client, database, captures, &not_described));
      if (not_described.empty()) continue;
    }
    SHARDTAIL_RETURN_IF_ERROR(added);
  }
  std::ranges::sort(found, {}, &ListedCollection::ns);
  return found;
}

}  // namespace shardtail::snapshot
