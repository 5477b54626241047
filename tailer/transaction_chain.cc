#include "tailer/transaction_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "event/position.h"
#include "tailer/oplog_entry.h"

namespace shardtail::tailer {
namespace {

absl::Status NotAChain(bson::Timestamp ts, std::string_view why) {
  return absl::DataLossError(
      fmt::format("the transaction's earlier entry {} {}", event::ToString({ts, 0}), why));
}

absl::StatusOr<bson::View> OperationsOf(const bson::Document& entry, bson::Timestamp ts) {
  const auto o = entry.view().Find("o");
  const auto command = o.has_value() ? o->GetDocument() : std::nullopt;
  const auto operations = command.has_value() ? command->Find("applyOps") : std::nullopt;
  if (!operations.has_value() || operations->type != bson::Type::kArray) {
    return NotAChain(ts, "has no applyOps");
  }
  return operations->AsDocument();
}

bool Has(bson::View command, std::string_view flag) {
  const auto element = command.Find(flag);
  return element.has_value() && element->IsTrue();
}

}  // namespace

int64_t CountOperations(bson::View operations) {
  bson::Reader reader(operations);
  bson::Element element;
  int64_t count = 0;
  while (reader.Next(&element)) ++count;
  return count;
}

int64_t StatedOperations(bson::View command) {
  const auto count = command.Find("count");
  if (!count.has_value()) return kNotStated;
  return count->GetInteger().value_or(kNotStated);
}

absl::StatusOr<TransactionChain> TransactionChain::Walk(EntryLookup& lookup,
                                                        const event::SessionTransaction& session,
                                                        bson::Timestamp newest, bool prepared) {
  TransactionChain chain(lookup);
  for (bson::Timestamp at = newest; at != bson::Timestamp{};) {
    auto found = lookup.Find(at);
    if (!found.ok()) {
      if (found.status().code() != absl::StatusCode::kOutOfRange) return found.status();
      return absl::OutOfRangeError(fmt::format(
          "a transaction's earlier entry {} is no longer in the oplog", event::ToString({at, 0})));
    }
    chain.oldest_ = *std::move(found);
    OplogEntry entry;
    if (absl::Status parsed = ParseOplogEntry(chain.oldest_, &entry); !parsed.ok()) {
      return NotAChain(at, std::string(parsed.message()));
    }
    if (entry.session != session) return NotAChain(at, "belongs to another transaction");
    const bool is_prepare = prepared && at == newest;
    if (!Has(entry.o, is_prepare ? "prepare" : "partialTxn")) {
      return NotAChain(at, is_prepare ? "is no prepare entry" : "is no part of a transaction");
    }
    if (entry.previous >= at) return NotAChain(at, "names a later one as the one before it");
    SHARDTAIL_ASSIGN_OR_RETURN(const bson::View operations, OperationsOf(chain.oldest_, at));
    chain.operations_ += CountOperations(operations);
    if (is_prepare) chain.stated_operations_ = StatedOperations(entry.o);
    chain.times_.push_back(at);
    at = entry.previous;
  }
  std::ranges::reverse(chain.times_);
  return chain;
}

absl::Status TransactionChain::ForEach(
    absl::FunctionRef<absl::Status(bson::View operations)> consume) const {
  for (const bson::Timestamp ts : times_) {
    if (ts == times_.front()) {  // at hand from the walk
      SHARDTAIL_ASSIGN_OR_RETURN(const bson::View operations, OperationsOf(oldest_, ts));
      SHARDTAIL_RETURN_IF_ERROR(consume(operations));
      continue;
    }
    SHARDTAIL_ASSIGN_OR_RETURN(const bson::Document entry, lookup_->Find(ts));
    SHARDTAIL_ASSIGN_OR_RETURN(const bson::View operations, OperationsOf(entry, ts));
    SHARDTAIL_RETURN_IF_ERROR(consume(operations));
  }
  return absl::OkStatus();
}

}  // namespace shardtail::tailer
