#ifndef SHARDTAIL_TAILER_INCOMING_MIGRATIONS_H_
#define SHARDTAIL_TAILER_INCOMING_MIGRATIONS_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "mongo/bson.h"
#include "tailer/oplog_entry.h"

namespace shardtail::tailer {

// A range that a shard is receiving, from its `config.rangeDeletions`.
struct IncomingRange {
  std::string id;  // the BSON value of its `_id`, as bytes
  std::string ns;  // `db.collection`
};

// From a document of `config.rangeDeletions`; nullopt where it lacks what one has.
std::optional<IncomingRange> ParseIncomingRange(bson::View document);

// What config.rangeDeletions held at a moment.
struct IncomingRanges {
  std::vector<IncomingRange> ranges;
  bson::Timestamp read_at;  // no earlier than the moment
};

// Tells from a shard's own oplog which collections may hold documents that came from another shard
// since its stream last waited for all the others (docs/decisions/0013). Such a collection's next
// event of the shard's own may come after events of the same document in another shard's oplog.
//
// A collection is suspect from the first sign of an arrival: an entry with `fromMigrate`, its
// creation (movePrimary), a rename to its name (resharding), or a pending document of
// `config.rangeDeletions` that another shard gives, which a server from 4.4 on writes before the
// first document arrives, also where none does. It stays so until the stream has waited after the
// migration's end, which is when that document is deleted or is pending no more.
//
// It tells as well what has come since a copy read it (docs/decisions/0012): ranges that have
// arrived, and collections that come whole, of which no entry says that all of them is here.
//
// Before 4.4 a range without documents arrives without a sign, so all collections stay suspect.
//
// One thread.
class IncomingMigrations {
 public:
  // `shard` is this shard's `_id` in config.shards: its own range deletions bring nothing.
  // `gives_signs`: the server is 4.4 or later.
  IncomingMigrations(std::string shard, bool gives_signs)
      : shard_(std::move(shard)), gives_signs_(gives_signs) {}

  // A stream begins where nothing was suspect.
  void BeginSettled();
  // A stream begins where it is not known what was: everything is suspect, until the stream waits
  // beyond the moment at which these were the pending ranges.
  void BeginUnknown(const IncomingRanges& pending);

  // Looks at the next entry, before its events are handed on.
  void Observe(const OplogEntry& entry);

  bool IsSuspect(std::string_view ns) const {
    return everything_ || (!suspect_.empty() && suspect_.contains(ns));
  }

  // Every other shard has passed `ts`, the last observed entry's.
  void Waited(bson::Timestamp ts);

  // The collections of which ranges have arrived, or were given up, since the last call. Only of
  // servers that give signs.
  std::vector<std::string> TakeArrived() { return std::exchange(arrived_, {}); }

  // The collections that come whole from other shards, since the last call: resharding renamed one
  // to that name, or a document came without a pending range (movePrimary; before 4.4 also a
  // chunk's). The latter once for each collection's UUID in a stream.
  std::vector<std::string> TakeMoving() { return std::exchange(moving_, {}); }

  // Nothing is suspect: where this stream ends now another may BeginSettled().
  bool settled() const { return !everything_ && suspect_.empty(); }

 private:
  void ObserveRangeDeletion(const OplogEntry& entry);
  void ObserveCommand(const OplogEntry& entry);
  void ObserveArrival(const OplogEntry& insert);
  void EndPending(std::string_view id);

  const std::string shard_;
  const bool gives_signs_;
  bool everything_ = true;
  bson::Timestamp
      known_from_;  // while everything is suspect: what is pending is known from here on
  std::set<std::string, std::less<>> suspect_;
  std::map<std::string, std::string, std::less<>> pending_;  // id → namespace
  std::vector<std::string> arrived_;
  std::set<std::string, std::less<>> seen_moving_;  // UUIDs, as bytes
  std::vector<std::string> moving_;
};

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_INCOMING_MIGRATIONS_H_
