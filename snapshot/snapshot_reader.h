#ifndef SHARDTAIL_SNAPSHOT_SNAPSHOT_READER_H_
#define SHARDTAIL_SNAPSHOT_SNAPSHOT_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "event/change_event.h"
#include "snapshot/collection_source.h"

namespace shardtail::snapshot {

// Where in the oplog a copy began: what all its events carry.
struct Origin {
  event::Position position;
  event::SessionTransaction session;
  std::optional<int64_t> h;
};

// Makes `r` events of the documents of several collections, one collection after the other. The
// very last event carries `snapshot: last`, also where the last collections turn out empty: one
// document is always held back. One thread.
class SnapshotReader {
 public:
  using Consume = absl::FunctionRef<absl::Status(const event::ChangeEvent&)>;

  // `source` must outlive the reader.
  SnapshotReader(CollectionSource& source, Origin origin) : source_(source), origin_(origin) {}

  // Returns the number of events. kDataLoss: a document without `_id`. Errors of the source and of
  // `consume` end it.
  absl::StatusOr<int64_t> Read(const std::vector<std::string>& collections, Consume consume);

 private:
  absl::Status Emit(event::SnapshotMark mark, Consume consume);

  CollectionSource& source_;
  const Origin origin_;
  std::string held_bytes_;  // the document that is held back, copied
  std::string held_ns_;     // empty: none is
  int64_t events_ = 0;
};

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_SNAPSHOT_READER_H_
