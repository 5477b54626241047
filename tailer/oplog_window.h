#ifndef SHARDTAIL_TAILER_OPLOG_WINDOW_H_
#define SHARDTAIL_TAILER_OPLOG_WINDOW_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "event/position.h"
#include "event/session.h"
#include "mongo/bson.h"
#include "mongo/client.h"
#include "tailer/oplog_source.h"

namespace shardtail::tailer {

// What is known of an entry without its changes.
struct OplogPoint {
  event::Position position;  // index 0: the entry is behind us
  event::SessionTransaction session;
  std::optional<int64_t> h;
};

// The functions below run on the client's thread, with its errors; kUnavailable too where the
// oplog is empty: the member was not initiated, or does not have it yet.

// The last majority-committed entry: where a capture begins that wants what comes from now on.
absl::StatusOr<OplogPoint> LatestEntry(mongo::Client& client);

// The last entry at or before `ts`; kNotFound when the oplog begins later. Reads back from the
// oplog's end: for a `ts` of some minutes ago at most.
absl::StatusOr<OplogPoint> LastEntryUntil(mongo::Client& client, bson::Timestamp ts);

// The oldest entry, and whether it is the one that a replica set's initiation writes: nothing came
// before it then.
struct OplogBeginning {
  OplogPoint first;
  bool whole = false;
};
absl::StatusOr<OplogBeginning> FirstEntry(mongo::Client& client);

absl::StatusOr<OplogWindow> ReadOplogWindow(mongo::Client& client);

// The first entry at or after `ts`; kNotFound when there is none, or none is majority-committed
// yet. A seek, not a scan.
absl::StatusOr<bson::Document> FindEntryFrom(mongo::Client& client, bson::Timestamp ts);

// `(1600000000, 1), 2020-09-13 12:26:40 UTC`, for messages.
std::string DescribeTime(bson::Timestamp ts);

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_OPLOG_WINDOW_H_
