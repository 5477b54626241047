#ifndef SHARDTAIL_SNAPSHOT_SNAPSHOT_READER_H_
#define SHARDTAIL_SNAPSHOT_SNAPSHOT_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "event/change_event.h"
#include "mongo/bson.h"
#include "snapshot/collection_source.h"

namespace shardtail::snapshot {

// Where in the oplog a copy began: what all its events carry.
struct Origin {
  event::Position position;
  event::SessionTransaction session;
  std::optional<int64_t> h;
};

// Makes `r` events of the documents of several collections, one collection after the other.
//
// Every event is marked kTrue but the very last of all, which is kLast: by it Debezium's consumers
// know that the snapshot is complete. Nobody knows beforehand which one that is (the collections
// that follow may be empty), so a copy of one document is always held back.
//
// One thread at a time.
class SnapshotReader {
 public:
  using Consume = absl::FunctionRef<absl::Status(const event::ChangeEvent&)>;

  // `source` must outlive the reader.
  SnapshotReader(CollectionSource& source, Origin origin) : source_(source), origin_(origin) {}

  // Copies the collections (`db.collection`) in their order, and returns the number of events. The
  // views in an event are valid during the call of `consume` only.
  //   kDataLoss  a document without _id; its collection must be excluded
  //   others     from the source or `consume`: both end it
  absl::StatusOr<int64_t> Read(const std::vector<std::string>& collections, Consume consume);

 private:
  // Passes a reply's documents on but for the last, which is held back in place of the one before.
  absl::Status Take(std::string_view ns, std::span<const bson::View> documents, Consume consume);
  absl::Status EmitHeld(event::SnapshotMark mark, Consume consume);
  absl::Status Emit(std::string_view ns, bson::View document, event::SnapshotMark mark,
                    Consume consume);

  CollectionSource& source_;
  const Origin origin_;
  bson::Document held_;
  std::string held_ns_;  // empty: none is held back
  int64_t events_ = 0;
};

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_SNAPSHOT_READER_H_
