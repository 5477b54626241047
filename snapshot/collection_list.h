#ifndef SHARDTAIL_SNAPSHOT_COLLECTION_LIST_H_
#define SHARDTAIL_SNAPSHOT_COLLECTION_LIST_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "event/change_event.h"
#include "mongo/client.h"
#include "snapshot/collection_description.h"

namespace shardtail::snapshot {

// Whether a collection is captured.
using Captures = absl::FunctionRef<absl::StatusOr<bool>(const event::Namespace&)>;

// The names `db.collection` of all collections that the user may see and `captures` accepts,
// sorted. Collections only: views hold no documents of their own, and neither does a time-series
// collection, whose documents are in system.buckets. Where a name appears or vanishes meanwhile
// either answer is right.
//
// Needs no privilege on the cluster: without listDatabases the server names the databases that the
// user may read, and without listCollections the collections (see "authorizedCollections" in the
// server's listCollections command). With listCollections, those that the user may not read are
// among them. Errors are Client::Run()'s.
absl::StatusOr<std::vector<std::string>> ListCollections(mongo::Client& client, Captures captures);

struct ListedCollection {
  std::string ns;  // `db.collection`
  CollectionDescription description;
};

// The same collections and what each is, as one command for each database tells: whatever is
// renamed meanwhile is among them once, under its old name or under its new one. To ask for each
// by the name that an earlier answer gave would miss it. A rename never leaves the database: across
// databases the server makes another collection, and renames that.
//
// Needs the action listCollections on the databases of such collections, which `read` has:
// kPermissionDenied without it. Other errors are Client::Run()'s.
absl::StatusOr<std::vector<ListedCollection>> DescribeCollections(mongo::Client& client,
                                                                  Captures captures);

// The names of all databases; without the privilege listDatabases, of those that the user may read.
absl::StatusOr<std::vector<std::string>> ListDatabases(mongo::Client& client);

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_COLLECTION_LIST_H_
