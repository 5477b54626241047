#ifndef SHARDTAIL_TAILER_OPLOG_READER_H_
#define SHARDTAIL_TAILER_OPLOG_READER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "event/position.h"
#include "mongo/bson.h"
#include "mongo/client.h"
#include "mongo/cursor.h"
#include "tailer/oplog_source.h"
#include "tailer/oplog_window.h"

namespace shardtail::tailer {

struct OplogReaderOptions {
  // Entries in a reply at the most, whatever their size; the server's own default is 16 MB.
  int32_t batch_size = 4000;
  // What a reply is to hold about: three are in memory at a time. (Measured: 1 MB is as fast as
  // 2 MB at 7 MB less; 512 KB costs mongod a tenth more.)
  int64_t reply_bytes = 1 << 20;
  // How long the server waits for a new entry, and so how late a stop is seen.
  absl::Duration max_await = absl::Seconds(1);
};

// Tails a member's oplog from a position on, majority-committed entries only.
//
// Its rule: the history must hold the entry at the start position. A find from a position that has
// rolled off silently begins at the oldest entry, and one from a position that was rolled back at
// the next one; so the first Next() returns OK only when that entry was seen. Otherwise it is
//   kOutOfRange  the oplog begins later: the position rolled off
//   kUnavailable the member has not come as far yet
//   kAborted     older and newer entries are there, and this one is not: it was rolled back
// with both times in the message. (See "Oplog Fetching" in MongoDB's replication README.)
//
// With index 0 the start's own entry is behind us and left out. With another index a part of it is,
// and the entry is given again: the consumer leaves out the events up to that index.
//
// Belongs to one thread at a time, as the client does.
class OplogReader : public OplogSource {
 public:
  // `client` must outlive the reader. `start.ts` must not be zero; a capture without a position
  // starts at LatestEntry().
  OplogReader(mongo::Client& client, const event::Position& start, OplogReaderOptions options = {});

  // kUnavailable too after a dead cursor, as a member that has just restarted gives.
  absl::StatusOr<OplogBatch> Next() override;

  absl::StatusOr<OplogWindow> Window() override { return ReadOplogWindow(client_); }

  void Interrupt() override { client_.Interrupt(); }

 private:
  // OK when the start's entry is there: then the cursor begins with it. Otherwise what became of
  // it.
  absl::Status FindStart();
  // By how large these entries are.
  void ChooseBatchSize(const mongo::Batch& batch);
  // Checks the first entries, and leaves the start's own out where it is behind us.
  absl::Status CheckStart(mongo::Batch* batch);

  mongo::Client& client_;
  const event::Position start_;
  const OplogReaderOptions options_;
  mongo::Cursor cursor_;
  bool found_start_ = false;  // it is in the oplog
  bool read_start_ = false;   // it was the first entry
  bson::Timestamp last_;      // given to the consumer
};

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_OPLOG_READER_H_
