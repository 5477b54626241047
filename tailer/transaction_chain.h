#ifndef SHARDTAIL_TAILER_TRANSACTION_CHAIN_H_
#define SHARDTAIL_TAILER_TRANSACTION_CHAIN_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "event/session.h"
#include "mongo/bson.h"
#include "tailer/oplog_source.h"

namespace shardtail::tailer {

constexpr int64_t kNotStated = -1;

// The number of elements in `applyOps`.
int64_t CountOperations(bson::View operations);

// The `count` of the command that ends a transaction of several entries: that of all its
// operations. kNotStated where there is none.
int64_t StatedOperations(bson::View command);

// The entries of a transaction that lie before the one that commits it, found backwards along
// `prevOpTime` and given forwards (see "Transactions" in MongoDB's replication README).
//
// Walking back keeps the entries' times only, so memory stays at one entry (16 MB) however large
// the transaction is; the price is to fetch all but the oldest twice.
class TransactionChain {
 public:
  // Walks back from `newest`, the entry that the committing one names, and checks that every entry
  // belongs to the transaction of `session`. With `prepared` the newest is the prepare entry.
  // `lookup` must outlive the chain.
  //   kOutOfRange  the oplog does not hold the transaction's beginning any more
  //   kDataLoss    the entries do not make up a transaction
  static absl::StatusOr<TransactionChain> Walk(EntryLookup& lookup,
                                               const event::SessionTransaction& session,
                                               bson::Timestamp newest, bool prepared);

  // Hands over the operations (`applyOps`) of each entry, oldest first. Stops at the first error.
  // The view is valid during the call only.
  absl::Status ForEach(absl::FunctionRef<absl::Status(bson::View operations)> consume) const;

  // Of all its entries together.
  int64_t operations() const { return operations_; }
  // What the prepare entry says of the whole transaction; see StatedOperations().
  int64_t stated_operations() const { return stated_operations_; }

 private:
  explicit TransactionChain(EntryLookup& lookup) : lookup_(&lookup) {}

  EntryLookup* lookup_;
  std::vector<bson::Timestamp> times_;  // oldest first
  bson::Document oldest_;
  int64_t operations_ = 0;
  int64_t stated_operations_ = kNotStated;
};

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_TRANSACTION_CHAIN_H_
