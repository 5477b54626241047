#ifndef SHARDTAIL_TESTS_SNAPSHOT_COLLECTION_HISTORY_H_
#define SHARDTAIL_TESTS_SNAPSHOT_COLLECTION_HISTORY_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace shardtail::snapshot {

inline constexpr int kIds = 24;  // of documents, from 0

using Fields = std::array<int, 2>;
using State = std::map<int, Fields>;

enum class Kind : uint8_t { kRead, kInsert, kUpdate, kDelete };

struct Write {
  int id = 0;
  Kind kind = Kind::kInsert;
  size_t field = 0;
  int value = 0;
};

struct Entry {
  uint32_t ts = 0;
  uint32_t visible = 0;  // a prepared transaction's commitTimestamp; else ts
  std::vector<Write> writes;
};

inline void Apply(const Write& write, State* state) {
  switch (write.kind) {
    case Kind::kInsert:
      (*state)[write.id] = {write.value, write.value};
      break;
    case Kind::kDelete:
      state->erase(write.id);
      break;
    default:
      state->try_emplace(write.id, Fields{-1, -1}).first->second[write.field] = write.value;
  }
}

// What happened to the source, in full, and so what is right. It knows nothing of the Board, nor of
// who reads. The same random numbers give the same history.
class History {
 public:
  History(std::mt19937& random, size_t size) : random_(random) {
    State state;
    std::optional<Entry> prepared;
    std::set<int> locked;
    while (entries_.size() < size) {
      ++ts_;
      if (prepared.has_value() && Chance(4)) {
        prepared->ts = ts_;
        entries_.push_back(*std::exchange(prepared, std::nullopt));
        locked.clear();
        continue;
      }
      Entry entry{ts_, ts_, {}};
      const int writes = Chance(3) ? 1 + Below(4) : 1;
      for (int i = 0; i < writes; ++i) AddWrite(locked, &entry, &state);
      if (!prepared.has_value() && Chance(6)) {
        for (const Write& write : entry.writes) locked.insert(write.id);
        prepared = std::move(entry);  // its commit entry follows later
      } else {
        entries_.push_back(std::move(entry));
      }
    }
    if (prepared.has_value()) {
      prepared->ts = ++ts_;
      entries_.push_back(*std::move(prepared));
    }
  }

  const std::vector<Entry>& entries() const { return entries_; }

  // As a read at the cluster time `time` sees it.
  State At(uint32_t time) const {
    State state;
    for (const Entry& entry : entries_) {
      if (entry.visible > time) continue;
      for (const Write& write : entry.writes) Apply(write, &state);
    }
    return state;
  }

  // Whether a read at `time` must wait for a transaction whose commit comes after `now`.
  bool Blocks(uint32_t time, uint32_t now) const {
    return std::ranges::any_of(
        entries_, [&](const Entry& entry) { return entry.visible <= time && entry.ts > now; });
  }

 private:
  int Below(int limit) { return std::uniform_int_distribution<>(0, limit - 1)(random_); }
  bool Chance(int one_in) { return Below(one_in) == 0; }

  void AddWrite(const std::set<int>& locked, Entry* entry, State* state) {
    int id = Below(kIds);
    while (locked.contains(id)) id = (id + 1) % kIds;
    Write write{id, Kind::kInsert, static_cast<size_t>(Below(2)), ++value_};
    if (state->contains(id)) write.kind = Chance(3) ? Kind::kDelete : Kind::kUpdate;
    Apply(write, state);
    entry->writes.push_back(write);
  }

  std::mt19937& random_;
  std::vector<Entry> entries_;
  uint32_t ts_ = 0;
  int value_ = 0;
};

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_TESTS_SNAPSHOT_COLLECTION_HISTORY_H_
