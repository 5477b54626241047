#ifndef SHARDTAIL_TAILER_SERVER_ENTRY_LOOKUP_H_
#define SHARDTAIL_TAILER_SERVER_ENTRY_LOOKUP_H_

#include "absl/status/statusor.h"
#include "mongo/bson.h"
#include "mongo/client.h"
#include "tailer/oplog_source.h"

namespace shardtail::tailer {

// Looks entries and documents up on a server, majority-committed ones only. With an OplogReader on
// another thread (ReadAhead) it needs a client of its own.
//
// Errors are the client's. A document of a collection that the user may not read is
// kPermissionDenied: capturing a collection needs `find` on it.
class ServerEntryLookup : public EntryLookup {
 public:
  // `client` must outlive the lookup.
  explicit ServerEntryLookup(mongo::Client& client) : client_(client) {}

  absl::StatusOr<bson::Document> Find(bson::Timestamp ts) override;
  absl::StatusOr<bson::Document> FindDocument(const event::Namespace& ns, const bson::Element& id,
                                              bson::Timestamp ts) override;

 private:
  mongo::Client& client_;
};

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_SERVER_ENTRY_LOOKUP_H_
