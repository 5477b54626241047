#include "pipeline/cross_shard_order.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace shardtail::pipeline {

CrossShardOrder::CrossShardOrder(std::string shard, std::unique_ptr<ShardOrder::Seat> seat)
    : shard_(std::move(shard)), seat_(std::move(seat)) {}

absl::Status CrossShardOrder::Begin(Member& member, const offsets::StoredOffset& from) {
  waited_ = from.waited;
  at_ = from.position.ts;
  migrations_.emplace(shard_, member.GivesMigrationSigns());
  if (from.settled) {
    migrations_->BeginSettled();
  } else {
    SHARDTAIL_ASSIGN_OR_RETURN(const tailer::IncomingRanges pending, member.PendingRanges());
    migrations_->BeginUnknown(pending);
  }
  // Inside a transaction's entry the rest of it is still to come.
  if (from.position.index == 0) {
    seat_->PassThrough(from.position.ts);
  } else {
    seat_->Pass(from.position.ts);
  }
  return absl::OkStatus();
}

void CrossShardOrder::BeginEntry(bson::View entry) {
  tailer::OplogEntry parsed;
  // What is broken is the decoder's to report.
  if (!ParseOplogEntry(entry, &parsed).ok() || !parsed.ts.has_value()) return;
  at_ = *parsed.ts;
  bson::Reader reader(parsed.o);
  bson::Element command;
  commits_prepared_ =
      parsed.op == "c" && reader.Next(&command) && command.name == "commitTransaction";
  parts_waited_for_ = false;
  migrations_->Observe(parsed);
}

void CrossShardOrder::EndEntry(std::optional<bson::Timestamp> held_back) {
  if (held_back.has_value() && *held_back <= at_) {
    seat_->Pass(*held_back);
  } else {
    seat_->PassThrough(at_);
  }
}

absl::Status CrossShardOrder::BeforeRange(std::string_view ns, bson::Timestamp time, Member& member,
                                          const std::stop_token& stop) {
  if (!migrations_->IsSuspect(ns)) return absl::OkStatus();
  SHARDTAIL_RETURN_IF_ERROR(seat_->WaitForOthers(
      time, [&] { return member.ClusterTimeNow(); }, stop));
  migrations_->Waited(time);
  waited_ = std::max(waited_, time);
  return absl::OkStatus();
}

absl::Status CrossShardOrder::BeforeEvent(const event::ChangeEvent& event, Member& member,
                                          const std::stop_token& stop) {
  const auto sign_time = [&]() -> absl::StatusOr<mongo::ClusterTime> {
    return member.ClusterTimeNow();
  };
  if (migrations_->IsSuspect(event.ns.full)) {
    SHARDTAIL_RETURN_IF_ERROR(seat_->WaitForOthers(at_, sign_time, stop));
    migrations_->Waited(at_);
    waited_ = std::max(waited_, at_);
  }
  // An update or delete needs the document to be here already.
  if (commits_prepared_ && !parts_waited_for_ && event.operation == event::Operation::kCreate) {
    SHARDTAIL_ASSIGN_OR_RETURN(const bson::Timestamp parts,
                               seat_->WaitForParts(event.session, at_, sign_time, stop));
    waited_ = std::max(waited_, parts);
    parts_waited_for_ = true;
  }
  return absl::OkStatus();
}

}  // namespace shardtail::pipeline
