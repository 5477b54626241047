#ifndef SHARDTAIL_SNAPSHOT_ID_RANGE_H_
#define SHARDTAIL_SNAPSHOT_ID_RANGE_H_

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>

#include "mongo/bson.h"
#include "mongo/bson_compare.h"

namespace shardtail::snapshot {

// What a collection is known by as long as it exists, whatever its name: `ui` in the oplog,
// `info.uuid` in listCollections' answer.
using CollectionUuid = std::array<uint8_t, 16>;

inline CollectionUuid ToUuid(const uint8_t* bytes) {
  CollectionUuid uuid;
  std::copy_n(bytes, uuid.size(), uuid.begin());
  return uuid;
}

// A boundary between `_id`s: the document {_id: value}, or an empty one where there is no boundary
// (MaxKey would be none: it may be an `_id` itself).
using IdBound = bson::Document;

inline IdBound MakeBound(const bson::Element& id) {
  return bson::Builder().Value("_id", id).Build();
}
inline bool IsOpen(const IdBound& bound) { return bound.view().empty(); }

// The documents of a collection with min <= _id < max in the order of the index on `_id`.
struct IdRange {
  IdBound min;
  IdBound max;
};

// Orders lower boundaries; an open one is the lowest. Looks `_id`s up among them without a copy.
struct LowerBoundLess {
  using is_transparent = void;
  bool operator()(const IdBound& a, const IdBound& b) const {
    if (IsOpen(a) || IsOpen(b)) return IsOpen(a) && !IsOpen(b);
    return bson::Compare(*a.view().Find("_id"), *b.view().Find("_id")) < 0;
  }
  bool operator()(const bson::Element& id, const IdBound& bound) const {
    return !IsOpen(bound) && bson::Compare(id, *bound.view().Find("_id")) < 0;
  }
  bool operator()(const IdBound& bound, const bson::Element& id) const {
    return IsOpen(bound) || bson::Compare(*bound.view().Find("_id"), id) < 0;
  }
};

// Whether a range that ends at `max` leaves nothing to one that begins at `min`, or a gap between.
inline bool EndsBefore(const IdBound& max, const IdBound& min) {
  return !IsOpen(max) && !IsOpen(min) && LowerBoundLess()(max, min);
}
inline bool Touch(const IdBound& max, const IdBound& min) {
  return !IsOpen(max) && !IsOpen(min) && !LowerBoundLess()(max, min) && !LowerBoundLess()(min, max);
}
inline bool IsEmpty(const IdRange& range) {
  return !IsOpen(range.max) && !LowerBoundLess()(range.min, range.max);
}

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_ID_RANGE_H_
