#include "pipeline/large_records.h"

#include <fmt/format.h>

#include <utility>

#include "mongo/bson.h"

namespace shardtail::pipeline {
namespace {

// An _id may be as large as a document.
constexpr size_t kMostOfId = 200;

}  // namespace

void LargeRecords::Note(uint64_t ticket, const event::ChangeEvent& event, int64_t bytes,
                        uint64_t settled) {
  if (bytes < kLargeBytes) return;
  bson::Builder key;
  key.Value("_id", event.id);
  std::string id = bson::ToDebugString(key.Build());
  if (id.size() > kMostOfId) id = id.substr(0, kMostOfId) + "…";
  std::string text = fmt::format("event {} of {} with {} at {}", event::ToLetter(event.operation),
                                 event.ns.full, id, event::ToString(event.position));
  const std::lock_guard lock(mutex_);
  described_.erase(described_.begin(), described_.upper_bound(settled));
  described_.insert_or_assign(ticket, std::move(text));
}

std::string LargeRecords::Describe(uint64_t ticket) const {
  const std::lock_guard lock(mutex_);
  const auto found = described_.find(ticket);
  return found == described_.end() ? "an event" : found->second;
}

}  // namespace shardtail::pipeline
