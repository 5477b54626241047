#include "tailer/server_entry_lookup.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "base/status_macros.h"
#include "mongo/cursor.h"
#include "tailer/entry_decoder.h"
#include "tailer/oplog_window.h"

namespace shardtail::tailer {
namespace {

// At `at`, or the last majority-committed state.
absl::StatusOr<bson::Document> FindById(mongo::Client& client, const event::Namespace& ns,
                                        const bson::Element& id,
                                        std::optional<bson::Timestamp> at) {
  bson::Builder find;
  find.String("find", ns.collection());
  // $eq: an _id may be a document that would else be read as a condition, or a regular expression.
  find.OpenDocument("filter").OpenDocument("_id").Value("$eq", id).Close().Close();
  find.Int32("limit", 1).Bool("singleBatch", true);
  find.OpenDocument("readConcern");
  if (at.has_value()) {
    find.String("level", "snapshot").Time("atClusterTime", *at);
  } else {
    find.String("level", "majority");
  }
  find.Close();
  mongo::Cursor cursor(client, std::string(ns.database()), find.Build(), {});
  SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Batch batch, cursor.Next());
  if (batch.documents.empty()) {
    return absl::NotFoundError(fmt::format("no such document in {}", ns.full));
  }
  return bson::Document(batch.documents[0]);
}

}  // namespace

absl::StatusOr<bson::Document> ServerEntryLookup::Find(bson::Timestamp ts) {
  auto entry = FindEntryFrom(client_, ts);
  if (entry.ok()) {
    SHARDTAIL_ASSIGN_OR_RETURN(const bson::Timestamp found, EntryTimestamp(*entry));
    if (found == ts) return entry;
  } else if (!absl::IsNotFound(entry.status())) {
    return entry;
  }
  return absl::OutOfRangeError(fmt::format("the oplog of {} has no entry {}",
                                           client_.server().ToString(), DescribeTime(ts)));
}

absl::StatusOr<bson::Document> ServerEntryLookup::FindDocument(const event::Namespace& ns,
                                                               const bson::Element& id,
                                                               bson::Timestamp ts) {
  auto document = FindById(client_, ns, id, ts);
  // Too long ago for the server's memory, a collection that cannot be read in the past (capped, or
  // changed since), a version that reads the past in transactions only: as it is now.
  if (absl::IsInternal(document.status())) return FindById(client_, ns, id, std::nullopt);
  return document;
}

}  // namespace shardtail::tailer
