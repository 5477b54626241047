#ifndef SHARDTAIL_PIPELINE_CROSS_SHARD_ORDER_H_
#define SHARDTAIL_PIPELINE_CROSS_SHARD_ORDER_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "event/change_event.h"
#include "offsets/stored_offset.h"
#include "pipeline/member.h"
#include "pipeline/shard_order.h"
#include "tailer/incoming_migrations.h"
#include "tailer/oplog_entry.h"

namespace shardtail::pipeline {

// Holds one shard's events back where they could overtake another shard's events of the same
// document: after a migration, and inside a transaction of several shards. The shard's thread.
class CrossShardOrder {
 public:
  // `shard` is its `_id` in config.shards.
  CrossShardOrder(std::string shard, std::unique_ptr<ShardOrder::Seat> seat);

  // A stream begins after `from`, which may be earlier than where the last one ended. Errors are
  // the member's.
  absl::Status Begin(Member& member, const offsets::StoredOffset& from);

  // The three below for every entry, in this order: before its events, before each event that is
  // captured, and after them.
  void BeginEntry(bson::View entry);
  // Waits while the event could overtake. Errors are the member's, and kCancelled.
  absl::Status BeforeEvent(const event::ChangeEvent& event, Member& member,
                           const std::stop_token& stop);
  // `held_back`: the time of the oldest range of a copy that is not handed over yet.
  void EndEntry(std::optional<bson::Timestamp> held_back);

  // Before what was read of a collection at `time` is handed over.
  absl::Status BeforeRange(std::string_view ns, bson::Timestamp time, Member& member,
                           const std::stop_token& stop);

  // Whether an event of the collection, of the entry under way, would wait.
  bool IsSuspect(std::string_view ns) const { return migrations_->IsSuspect(ns); }
  bson::Timestamp at() const { return at_; }

  // See tailer::IncomingMigrations.
  std::vector<std::string> TakeArrived() { return migrations_->TakeArrived(); }
  std::vector<std::string> TakeMoving() { return migrations_->TakeMoving(); }

  // A stream that begins after the last entry need not expect anything to overtake.
  bool settled() const { return migrations_.has_value() && migrations_->settled(); }

  // See StoredOffset::waited: for the offset of the entry under way.
  bson::Timestamp waited() const { return waited_; }

  ShardOrder::Seat& seat() { return *seat_; }

 private:
  const std::string shard_;
  const std::unique_ptr<ShardOrder::Seat> seat_;
  std::optional<tailer::IncomingMigrations> migrations_;  // from Begin() on
  bson::Timestamp at_;                                    // the entry under way
  bson::Timestamp waited_;
  bool commits_prepared_ = false;  // it ends a transaction that several shards may take part in
  bool parts_waited_for_ = false;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_CROSS_SHARD_ORDER_H_
