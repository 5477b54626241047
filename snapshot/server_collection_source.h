#ifndef SHARDTAIL_SNAPSHOT_SERVER_COLLECTION_SOURCE_H_
#define SHARDTAIL_SNAPSHOT_SERVER_COLLECTION_SOURCE_H_

#include "mongo/client.h"
#include "snapshot/collection_source.h"
#include "snapshot/options.h"

namespace shardtail::snapshot {

// Reads collections of a server by one cursor each, majority-committed documents only. A document
// that moves or changes while the cursor runs appears at least once, in one of its states; the
// stream from before the copy then brings it up to date.
class ServerCollectionSource : public CollectionSource {
 public:
  // `client` must outlive the source.
  ServerCollectionSource(mongo::Client& client, Options options)
      : client_(client), options_(options) {}

  absl::Status ForEach(const event::Namespace& ns,
                       absl::FunctionRef<absl::Status(bson::View)> consume) override;

 private:
  mongo::Client& client_;
  const Options options_;
};

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_SERVER_COLLECTION_SOURCE_H_
