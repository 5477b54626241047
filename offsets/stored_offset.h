#ifndef SHARDTAIL_OFFSETS_STORED_OFFSET_H_
#define SHARDTAIL_OFFSETS_STORED_OFFSET_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "event/position.h"
#include "event/session.h"

namespace shardtail::offsets {

// What provide.transaction.metadata has counted of one transaction.
struct TransactionCounts {
  std::string id;                                            // as in `stxnid`
  std::vector<std::pair<std::string, int64_t>> collections;  // `rs.db.collection`, events published
  friend bool operator==(const TransactionCounts&, const TransactionCounts&) = default;
};

// How far a replica set was captured, as Debezium 1.3 stores it: everything up to and including
// `position` is in Kafka. `position.index` > 0: the transaction's operations up to that one.
struct StoredOffset {
  event::Position position;
  event::SessionTransaction session;
  std::optional<int64_t> h;
  bool initsync = false;  // a snapshot was begun at `position` and is not complete

  // With initsync: which copy it is that is not complete, so that its progress is not taken for
  // another one's; 0 where there is none (Debezium's).
  int64_t copy = 0;

  // Of a shard: up to `position` no document came to it from another shard whose events there may
  // still be on their way (tailer::IncomingMigrations).
  bool settled = false;

  // Of a shard: the latest time before which every other shard had handed its entries over, when
  // an event up to `position` waited for that; zero where none did. See ShardsToStartEarlier().
  bson::Timestamp waited;

  // Behind `position`, the transaction that commits at inside->ts is captured up to its operation
  // inside->index. Only for transactions in several oplog entries: Debezium 1.3 would misread such
  // an index in `position`, and knows nothing of this one.
  std::optional<event::Position> inside;

  // With transaction metadata: what was counted of the transaction that is not ended yet. Shared:
  // the records of a transaction in flight carry one after the other, and nobody changes them.
  std::shared_ptr<const TransactionCounts> transaction;

  friend bool operator==(const StoredOffset& a, const StoredOffset& b) {
    const bool same_counts =
        a.transaction == b.transaction ||
        (a.transaction != nullptr && b.transaction != nullptr && *a.transaction == *b.transaction);
    return same_counts && a.position == b.position && a.session == b.session && a.h == b.h &&
           a.initsync == b.initsync && a.copy == b.copy && a.settled == b.settled &&
           a.waited == b.waited && a.inside == b.inside;
  }
};

}  // namespace shardtail::offsets

#endif  // SHARDTAIL_OFFSETS_STORED_OFFSET_H_
