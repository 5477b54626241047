#ifndef SHARDTAIL_TAILER_OPLOG_SOURCE_H_
#define SHARDTAIL_TAILER_OPLOG_SOURCE_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "event/change_event.h"
#include "mongo/bson.h"

namespace shardtail::tailer {

// A run of oplog entries in order. `owner` keeps the bytes that the entries point into.
struct OplogBatch {
  std::shared_ptr<const void>
      owner;  // shared: type-erased, and the reader and a test own differently
  std::vector<bson::View> entries;  // may be empty: nothing new within a second
  bool more = false;  // as many as were asked for: the source surely has more, at once
};

// How far back a member's oplog reaches.
struct OplogWindow {
  bson::Timestamp oldest;
  bson::Timestamp newest;  // majority-committed
};

// Where a replica set's oplog entries come from: a server, or a test. One thread at a time.
class OplogSource {
 public:
  virtual ~OplogSource() = default;

  // The entries after the last, majority-committed only, waiting about a second for the first.
  //   kUnavailable  the connection or the cursor is gone: open a new source at the last position
  //   kAborted      the history changed: the position at which this source was opened is not in it
  //   kOutOfRange   the position is no longer in the oplog
  //   kCancelled    Interrupt()
  virtual absl::StatusOr<OplogBatch> Next() = 0;

  // Between two calls of Next(). Errors are Next()'s; kUnimplemented where it is not known.
  virtual absl::StatusOr<OplogWindow> Window() {
    return absl::UnimplementedError("no window is known here");
  }

  // Ends the Next() under way, and every later one, with kCancelled. From any thread.
  virtual void Interrupt() {}
};

// Whether an error of a source says that nothing more can be read from its position, ever.
inline bool IsLostPosition(const absl::Status& status) {
  return status.code() == absl::StatusCode::kOutOfRange ||
         status.code() == absl::StatusCode::kAborted;
}

// Looks up what an oplog entry alone does not tell: a server, or a test. One thread at a time.
class EntryLookup {
 public:
  virtual ~EntryLookup() = default;

  // The entry at exactly `ts`: an earlier entry of a transaction. kOutOfRange when the oplog does
  // not hold it (any more).
  virtual absl::StatusOr<bson::Document> Find(bson::Timestamp ts) = 0;

  // The document with this `_id` as it was at `ts`, or as it is now where the server does not
  // remember that far back (five minutes by default). kNotFound when there is none; kUnimplemented
  // where only entries can be looked up.
  virtual absl::StatusOr<bson::Document> FindDocument(const event::Namespace& /*ns*/,
                                                      const bson::Element& /*id*/,
                                                      bson::Timestamp /*ts*/) {
    return absl::UnimplementedError("documents cannot be looked up here");
  }
};

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_OPLOG_SOURCE_H_
