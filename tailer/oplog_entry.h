#ifndef SHARDTAIL_TAILER_OPLOG_ENTRY_H_
#define SHARDTAIL_TAILER_OPLOG_ENTRY_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "event/session.h"
#include "mongo/bson.h"

namespace shardtail::tailer {

// The fields of an oplog entry, or of an operation inside `applyOps`, that decoding needs; they
// come in any order. The views point into the entry.
struct OplogEntry {
  std::optional<bson::Timestamp> ts;  // operations inside `applyOps` have none
  std::string_view op;
  std::string_view ns;
  bson::View o;
  bson::View o2;
  const uint8_t* ui = nullptr;  // the collection's UUID, 16 bytes
  event::SessionTransaction session;
  bson::Timestamp previous;    // prevOpTime.ts; zero for none
  std::optional<int64_t> h;    // 4.2 only
  int64_t wall = 0;            // milliseconds since the Unix epoch, the server's clock; 0: none
  bool from_migrate = false;   // moved by the server itself: no change for a reader of the cluster
  bool applied_apart = false;  // 8.0's multiOpType 1: batched retryable writes, no transaction
};

// Reads `bytes` in one pass over its top level, without an allocation. kDataLoss: broken BSON, or a
// field that is missing or of a wrong type; the message is a reason without the entry's place.
absl::Status ParseOplogEntry(bson::View bytes, OplogEntry* entry);

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_OPLOG_ENTRY_H_
