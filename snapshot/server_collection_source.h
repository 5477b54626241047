#ifndef SHARDTAIL_SNAPSHOT_SERVER_COLLECTION_SOURCE_H_
#define SHARDTAIL_SNAPSHOT_SERVER_COLLECTION_SOURCE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "mongo/client.h"
#include "snapshot/collection_source.h"
#include "snapshot/options.h"

namespace shardtail::snapshot {

// Reads collections of a server by one cursor each, majority-committed documents only. A document
// that moves or changes while the cursor runs appears at least once, in one of its states; the
// stream from before the copy then brings it up to date.
//
// Errors are the client's; after kUnavailable the collection must be read again from its beginning.
class ServerCollectionSource : public CollectionSource {
 public:
  // `client` must outlive the source.
  ServerCollectionSource(mongo::Client& client, Options options);

  absl::Status Read(const event::Namespace& ns, Consume consume) override;

 private:
  absl::StatusOr<bool> Exists(const event::Namespace& ns);

  mongo::Client& client_;
  const int32_t batch_size_;
};

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_SERVER_COLLECTION_SOURCE_H_
