#ifndef SHARDTAIL_SNAPSHOT_PROGRESS_H_
#define SHARDTAIL_SNAPSHOT_PROGRESS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "event/position.h"
#include "mongo/bson.h"
#include "snapshot/id_range.h"

namespace shardtail::snapshot {

// A range whose documents, as they were at `at`, are in Kafka, and so is every event of the stream
// up to `at`.
struct CopiedRange {
  IdRange range;
  bson::Timestamp at;
};

// Why a collection is copied.
enum class CopyKind : uint8_t {
  kInitial,  // with all others: the replica set's snapshot
  kLate,     // it came under a captured name, or became included, when its stream was under way
  // Somebody asked for it, and its events are streamed already: all of them are published, and the
  // `r` events go between them.
  kAgain,
  // As that, but because a range of it arrived from another shard during a copy: nobody ends it.
  kMoved,
};

// Whether the collection's events are streamed all the while, and the `r` events go between them.
inline bool IsStreamed(CopyKind kind) {
  return kind == CopyKind::kAgain || kind == CopyKind::kMoved;
}

// How far the copy of one collection has come: sorted, without overlaps, and without neighbours
// that could be one.
struct CollectionProgress {
  std::string ns;  // its name when it was recorded; the UUID is what counts
  std::vector<CopiedRange> copied;
  CopyKind kind = CopyKind::kInitial;
  bson::Document query;  // of the documents that are wanted; empty: all
  std::string signal;    // the id of the signal that asked for it, if any

  // Whether one range without boundaries is all there is.
  bool complete() const;
};

// `{"version":1,"ns":"db.coll","copied":[{"min":"…","max":"…","at":[sec,ord]}]}`: a boundary is the
// BSON document {_id: value} in base64, left out where it is open. Every value has such a form, and
// comes back as the same; extended JSON has not that of all. `kind` ("late", "again"), `query`
// (BSON in base64) and `signal` follow where they are not the defaults.
std::string EncodeProgress(const CollectionProgress& progress);

// The reverse; unknown fields are ignored. kFailedPrecondition says what is wrong with which range.
// Ranges that are empty, out of order or overlap are an error: to guess would lose documents.
absl::StatusOr<CollectionProgress> DecodeProgress(std::string_view text);

// A UUID as in `8f6b4e0e-…`, and the reverse: nullopt for another form.
std::string ToString(const CollectionUuid& uuid);
std::optional<CollectionUuid> ParseUuid(std::string_view text);

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_PROGRESS_H_
