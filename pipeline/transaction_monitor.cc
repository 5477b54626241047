#include "pipeline/transaction_monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace shardtail::pipeline {

void TransactionMonitor::Begin(std::string id) {
  auto counts = std::make_shared<offsets::TransactionCounts>();
  counts->id = std::move(id);
  counts_ = std::move(counts);
}

event::TransactionPlace TransactionMonitor::Count(const event::Namespace& ns) {
  // A copy for each event: the offsets of those in flight hold the earlier states.
  auto counts = std::make_shared<offsets::TransactionCounts>(*counts_);
  const std::string name = fmt::format("{}.{}", replica_set_, ns.full);
  auto collection =
      std::ranges::find(counts->collections, name, &std::pair<std::string, int64_t>::first);
  if (collection == counts->collections.end()) {
    collection = counts->collections.insert(collection, {name, 0});
  }
  const int64_t in_collection = ++collection->second;
  int64_t total = 0;
  for (const auto& [other, count] : counts->collections) total += count;
  counts_ = std::move(counts);
  return {.id = counts_->id, .total_order = total, .data_collection_order = in_collection};
}

}  // namespace shardtail::pipeline
