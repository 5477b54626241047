#ifndef SHARDTAIL_PIPELINE_TRANSACTION_MONITOR_H_
#define SHARDTAIL_PIPELINE_TRANSACTION_MONITOR_H_

#include <memory>
#include <string>
#include <string_view>

#include "event/change_event.h"
#include "offsets/stored_offset.h"

namespace shardtail::pipeline {

// Counts the events of the transaction that is under way, for provide.transaction.metadata. What
// Debezium calls a transaction is everything with one session and transaction number: a
// multi-document transaction, or the statements of one retryable write. One thread.
class TransactionMonitor {
 public:
  explicit TransactionMonitor(std::string replica_set) : replica_set_(std::move(replica_set)) {}

  // Goes on counting where a stored offset left off; null: no transaction was under way.
  void Resume(std::shared_ptr<const offsets::TransactionCounts> counts) {
    counts_ = std::move(counts);
  }

  // The transaction under way; null when there is none.
  const std::shared_ptr<const offsets::TransactionCounts>& current() const { return counts_; }

  bool IsCurrent(std::string_view id) const { return counts_ != nullptr && counts_->id == id; }

  void Begin(std::string id);
  void End() { counts_.reset(); }

  // Counts one event of the transaction under way. The place's id is valid until the next call.
  event::TransactionPlace Count(const event::Namespace& ns);

 private:
  const std::string replica_set_;
  std::shared_ptr<const offsets::TransactionCounts> counts_;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_TRANSACTION_MONITOR_H_
