#ifndef SHARDTAIL_PIPELINE_SNAPSHOT_SOURCE_H_
#define SHARDTAIL_PIPELINE_SNAPSHOT_SOURCE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "event/change_event.h"
#include "snapshot/board.h"
#include "tailer/oplog_window.h"

namespace shardtail::pipeline {

// Where a snapshot inside the stream reads from: a connection of its own to the member that the
// stream reads, or a test. One thread at a time.
class SnapshotSource {
 public:
  struct Collection {
    snapshot::CollectionUuid uuid{};
    std::string ns;
    bool capped = false;
    bool simple_collation = true;
    bool described = true;  // capped and simple_collation are known
    bson::Document query;   // of the documents that are wanted; empty: as the options say
    std::string signal;     // that asked for it, if any
    bool in_parts = false;  // no range of it may be held whole: it is read with OnPart
  };

  // What a range held at its time, below `end` where that is not open.
  struct Documents {
    std::shared_ptr<const void> owner;  // shared: type-erased; keeps what the views point into
    std::vector<bson::View> documents;
    snapshot::IdBound end;
    int64_t bytes = 0;
    // When the name that they were read by was seen to be the collection's; zero: needs no look.
    bson::Timestamp checked;
    // Nothing was kept: the range cannot end anywhere, and is too large to be held. It is to be
    // read with Collection::in_parts.
    bool without_bound = false;
  };

  // Takes documents of a range that is still being read; waits for room. False: no more is wanted.
  using OnPart = std::function<bool(Documents)>;

  virtual ~SnapshotSource() = default;

  // The last majority-committed entry.
  virtual absl::StatusOr<tailer::OplogPoint> Latest() = 0;

  // The collections that `captures` accepts, by name.
  virtual absl::StatusOr<std::vector<Collection>> List(
      absl::FunctionRef<absl::StatusOr<bool>(const event::Namespace&)> captures) = 0;

  // Finds out what is not known of a collection. False where none of that UUID has that name.
  virtual absl::StatusOr<bool> Describe(Collection* collection) = 0;

  // How many documents a copy of it will have, about; nullopt where that is not known.
  virtual absl::StatusOr<std::optional<int64_t>> Estimate(const Collection& collection) = 0;

  // Where to cut a collection so that several can read it.
  virtual absl::StatusOr<std::vector<snapshot::IdBound>> PlanBounds(
      const Collection& collection) = 0;

  // nullopt where the server does not have that time, or the collection is not there under that
  // name, or `on_part` wants no more. kUnimplemented for a collection that cannot be read at a time
  // at all. `on_part` is called with Collection::in_parts alone: what it was given is no older than
  // the chunk's time, but may be newer, and all is read again if the read is not finished.
  virtual absl::StatusOr<std::optional<Documents>> Read(const snapshot::Chunk& chunk,
                                                        const Collection& collection,
                                                        const OnPart& on_part) = 0;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_SNAPSHOT_SOURCE_H_
