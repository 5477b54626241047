#ifndef SHARDTAIL_SNAPSHOT_COLLECTION_SOURCE_H_
#define SHARDTAIL_SNAPSHOT_COLLECTION_SOURCE_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "event/change_event.h"
#include "mongo/bson.h"

namespace shardtail::snapshot {

// Where the documents of a collection come from: a server, or a test. One thread at a time.
class CollectionSource {
 public:
  virtual ~CollectionSource() = default;

  // Hands every document over, in any order; stops at the first error of `consume` and returns it.
  // A collection that does not exist (any more) has no documents. The view is valid during the call
  // only.
  virtual absl::Status ForEach(const event::Namespace& ns,
                               absl::FunctionRef<absl::Status(bson::View)> consume) = 0;
};

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_COLLECTION_SOURCE_H_
