#ifndef SHARDTAIL_EVENT_POSITION_H_
#define SHARDTAIL_EVENT_POSITION_H_

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "mongo/bson.h"

namespace shardtail::event {

// Where an event stands in the oplog of its replica set: the entry's `ts`, and inside a transaction
// the place of the operation among all of them (from 1; 0 outside). Debezium's `sec`, `ord`,
// `tord`.
//
// A position with index 0 at a transaction's `ts` means: the whole transaction is behind us.
struct Position {
  bson::Timestamp ts;
  int64_t index = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

inline std::string ToString(const Position& position) {
  if (position.index == 0)
    return fmt::format("({}, {})", position.ts.seconds, position.ts.increment);
  return fmt::format("({}, {}, {})", position.ts.seconds, position.ts.increment, position.index);
}

}  // namespace shardtail::event

#endif  // SHARDTAIL_EVENT_POSITION_H_
