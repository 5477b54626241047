#include "offsets/consistent_start.h"

namespace shardtail::offsets {
namespace {

uint64_t ToNumber(bson::Timestamp ts) { return uint64_t{ts.seconds} << 32U | ts.increment; }

// Everything up to this time is captured.
bson::Timestamp CapturedThrough(const StoredOffset& offset) {
  const bson::Timestamp ts = offset.position.ts;
  if (offset.position.index == 0) return ts;
  // Inside a transaction's entry.
  return ts.increment > 0 ? bson::Timestamp{ts.seconds, ts.increment - 1}
                          : bson::Timestamp{ts.seconds - 1, 0xFFFFFFFF};
}

}  // namespace

std::map<std::string, bson::Timestamp> ShardsToStartEarlier(
    const std::map<std::string, StoredOffset>& stored) {
  std::map<std::string, bson::Timestamp> through;
  for (const auto& [name, offset] : stored) {
    // An unfinished copy repeats documents as they are now, not events.
    if (!offset.initsync) through[name] = CapturedThrough(offset);
  }
  std::map<std::string, bson::Timestamp> earlier;
  // Each round starts at least one shard earlier, at one of finitely many times.
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [name, offset] : stored) {
      for (const auto& [other, captured] : through) {
        // All before `waited` was handed over then: up to one tick earlier.
        if (other == name || offset.initsync || ToNumber(captured) + 1 >= ToNumber(offset.waited) ||
            through[name] <= captured) {
          continue;
        }
        through[name] = captured;
        earlier[name] = captured;
        changed = true;
      }
    }
  }
  return earlier;
}

}  // namespace shardtail::offsets
