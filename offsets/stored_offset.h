#ifndef SHARDTAIL_OFFSETS_STORED_OFFSET_H_
#define SHARDTAIL_OFFSETS_STORED_OFFSET_H_

#include <cstdint>
#include <optional>

#include "event/position.h"
#include "event/session.h"

namespace shardtail::offsets {

// How far a replica set was captured, as Debezium 1.3 stores it: everything up to and including
// `position` is in Kafka. `position.index` > 0: the transaction's operations up to that one.
struct StoredOffset {
  event::Position position;
  event::SessionTransaction session;
  std::optional<int64_t> h;
  bool initsync = false;  // a snapshot was begun at `position` and is not complete
  friend bool operator==(const StoredOffset&, const StoredOffset&) = default;
};

}  // namespace shardtail::offsets

#endif  // SHARDTAIL_OFFSETS_STORED_OFFSET_H_
