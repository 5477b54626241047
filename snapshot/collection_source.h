#ifndef SHARDTAIL_SNAPSHOT_COLLECTION_SOURCE_H_
#define SHARDTAIL_SNAPSHOT_COLLECTION_SOURCE_H_

#include <span>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "event/change_event.h"
#include "mongo/bson.h"

namespace shardtail::snapshot {

// Where the documents of a collection come from: a server, or a test. One thread at a time.
class CollectionSource {
 public:
  virtual ~CollectionSource() = default;

  using Consume = absl::FunctionRef<absl::Status(std::span<const bson::View> documents)>;

  // Hands every document over, a reply at a time (which may be empty), in any order; stops at the
  // first error of `consume` and returns it. A collection that does not exist (any more) has no
  // (more) documents. The views are valid during the call of `consume` only.
  virtual absl::Status Read(const event::Namespace& ns, Consume consume) = 0;
};

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_COLLECTION_SOURCE_H_
