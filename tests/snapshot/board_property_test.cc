// A model of everything around the Board: a collection under random writes and transactions,
// workers that read ranges of it at exact times, a sink of several partitions that acknowledges out
// of order, a committer, and crashes between any two steps that lose what was not acknowledged.
// Whatever happens, what a reader of the topic sees is right.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "snapshot/board.h"
#include "tests/snapshot/collection_history.h"
#include "tests/snapshot/topic_reader.h"

namespace shardtail::snapshot {
namespace {

constexpr CollectionUuid kCollection = {7};
constexpr int kPartitions = 3;
constexpr size_t kWorkers = 3;

bson::Timestamp Time(uint32_t ts) { return {ts, 0}; }

IdBound Bound(int id) { return bson::Builder().Int32("_id", id).Build(); }

int IdOf(const IdBound& bound, int open) {
  return IsOpen(bound) ? open : bound.view().Find("_id")->AsInt32();
}

// What is on disk and in Kafka, and survives a crash.
struct Durable {
  CopyKind kind = CopyKind::kInitial;
  size_t offset = 0;  // entries before it are done
  std::string progress;
  std::array<std::vector<Event>, kPartitions> topic;
};

struct Seen {
  int waits = 0;
  int skips = 0;
  int crashes = 0;
  int resumed = 0;    // runs that began with a part copied
  int straddles = 0;  // published though it was visible in what was read
};

// The process between two crashes.
class Run {
 public:
  Run(std::mt19937& random, const History& history, Durable* durable, int number, uint32_t* now,
      Seen* seen)
      : random_(random),
        history_(history),
        durable_(durable),
        number_(number),
        now_(now),
        seen_(seen),
        board_(Time(durable->offset == 0 ? 0 : history.entries()[durable->offset - 1].ts)),
        position_(durable->offset) {
    CollectionProgress progress;
    if (!durable->progress.empty()) progress = *DecodeProgress(durable->progress);
    if (!progress.copied.empty()) ++seen->resumed;
    for (const CopiedRange& copied : progress.copied) {
      for (int id = IdOf(copied.range.min, 0); id < IdOf(copied.range.max, kIds); ++id) {
        copied_before_.insert(id);
      }
    }
    board_.Add(kCollection, "db.c", progress.copied, durable->kind);
    std::vector<IdBound> bounds;
    for (int i = Below(4); i > 0; --i) bounds.push_back(Bound(Below(kIds)));
    board_.Split(kCollection, bounds);
  }

  void Step() {
    switch (Below(6)) {
      case 0:
        if (*now_ < history_.entries().back().ts) ++*now_;
        break;
      case 1:
      case 2:
        Stream();
        break;
      case 3:
        Work();
        break;
      case 4:
        Acknowledge();
        break;
      default:
        Commit();
    }
  }

  bool done() const {
    return position_ == history_.entries().size() && board_.complete() &&
           std::ranges::all_of(partitions_, [](const Partition& partition) {
             return partition.acknowledged == partition.sent.size();
           });
  }

  // What was sent and not acknowledged: a part of it has arrived, in each partition from the
  // oldest.
  void Crash() {
    for (size_t i = 0; i < kPartitions; ++i) {
      Partition& partition = partitions_[i];
      const auto lost = static_cast<int>(partition.sent.size() - partition.acknowledged);
      const size_t arrived = partition.acknowledged + static_cast<size_t>(Below(lost + 1));
      for (size_t j = partition.acknowledged; j < arrived; ++j) {
        durable_->topic[i].push_back(partition.sent[j]);
      }
    }
  }

 private:
  struct Partition {
    std::vector<Event> sent;
    size_t acknowledged = 0;
  };
  struct Reading {
    Chunk chunk;
    State documents;
    bool read = false;
  };

  int Below(int limit) { return std::uniform_int_distribution<>(0, limit - 1)(random_); }

  void Send(Event event) {
    event.run = number_;
    event.entry = position_;
    event.ticket = ++ticket_;
    partitions_[static_cast<size_t>(event.id % kPartitions)].sent.push_back(event);
  }

  void HandOverReady() {
    while (const auto chunk = board_.Ready()) {
      Reading& reading = readings_.at(chunk->number);
      for (const auto& [id, fields] : reading.documents) {
        EXPECT_FALSE(copied_before_.contains(id)) << "copied again, though that was recorded";
        Send({.id = id, .kind = Kind::kRead, .document = fields, .time = chunk->at.seconds});
      }
      board_.HandOver(chunk->number, ticket_);
      for (const auto& [id, fields] : reading.documents) read_at_[id] = chunk->at.seconds;
      readings_.erase(chunk->number);
    }
  }

  void Stream() {
    const auto& entries = history_.entries();
    if (position_ == entries.size() || entries[position_].ts > *now_) {
      board_.Pass(Time(*now_));
      return HandOverReady();
    }
    const Entry& entry = entries[position_];
    board_.BeginEntry(Time(entry.ts), Time(entry.visible));
    for (; operation_ < entry.writes.size(); ++operation_) {
      HandOverReady();
      const Write& write = entry.writes[operation_];
      const IdBound id = Bound(write.id);
      const Decision decision =
          board_.Decide(kCollection, *id.view().Find("_id"), write.kind == Kind::kDelete);
      if (decision == Decision::kWait) {
        ++seen_->waits;
        return;
      }
      if (decision == Decision::kSkip) {
        ++seen_->skips;
        continue;
      }
      const auto read = read_at_.find(write.id);
      if (read != read_at_.end() && entry.visible <= read->second) ++seen_->straddles;
      const bool last =
          std::none_of(entry.writes.begin() + static_cast<int>(operation_) + 1, entry.writes.end(),
                       [&](const Write& later) { return later.id == write.id; });
      Send({.id = write.id,
            .kind = write.kind,
            .field = write.field,
            .value = write.value,
            .time = entry.ts,
            .last_of_its = last,
            .prepared = entry.visible < entry.ts});
    }
    operation_ = 0;
    ++position_;
  }

  void Work() {
    std::vector<uint64_t> unread;
    for (const auto& [number, reading] : readings_) {
      if (!reading.read) unread.push_back(number);
    }
    if (unread.size() < kWorkers && Below(2) == 0) {
      const auto chunk =
          board_.Take(Time(static_cast<uint32_t>(Below(static_cast<int>(*now_) + 1))));
      if (chunk.has_value()) readings_[chunk->number] = {.chunk = *chunk, .documents = {}};
      return;
    }
    if (unread.empty()) return;
    const uint64_t number = unread[static_cast<size_t>(Below(static_cast<int>(unread.size())))];
    Reading& reading = readings_.at(number);
    if (Below(8) == 0) {
      board_.Fail(number);
      readings_.erase(number);
      return;
    }
    if (history_.Blocks(reading.chunk.at.seconds, *now_)) return;
    FinishRead(number, &reading);
  }

  void FinishRead(uint64_t number, Reading* reading) {
    const IdRange& range = reading->chunk.range;
    for (const auto& [id, fields] : history_.At(reading->chunk.at.seconds)) {
      if (id >= IdOf(range.min, 0) && id < IdOf(range.max, kIds)) reading->documents[id] = fields;
    }
    IdBound end;
    if (reading->documents.size() > 1 && Below(2) == 0) {
      const auto first_left = std::next(reading->documents.begin(),
                                        1 + Below(static_cast<int>(reading->documents.size()) - 1));
      end = Bound(first_left->first);
      reading->documents.erase(first_left, reading->documents.end());
    }
    reading->read = true;
    EXPECT_TRUE(board_.FinishRead(number, end));
  }

  void Acknowledge() {
    const auto i = static_cast<size_t>(Below(kPartitions));
    Partition& partition = partitions_[i];
    for (int count = Below(6); count > 0 && partition.acknowledged < partition.sent.size();
         --count) {
      durable_->topic[i].push_back(partition.sent[partition.acknowledged++]);
    }
  }

  void Commit() {
    uint64_t settled = ticket_;
    size_t offset = position_;
    for (const Partition& partition : partitions_) {
      if (partition.acknowledged == partition.sent.size()) continue;
      const Event& oldest = partition.sent[partition.acknowledged];
      settled = std::min(settled, oldest.ticket - 1);
      offset = std::min(offset, oldest.entry);
    }
    durable_->offset = std::max(durable_->offset, offset);
    if (Below(4) == 0) return;  // as if it ended here
    if (!board_.Settle(settled).empty()) {
      durable_->progress = EncodeProgress(board_.Progress(kCollection));
    }
  }

  std::mt19937& random_;
  const History& history_;
  Durable* const durable_;
  const int number_;
  uint32_t* const now_;
  Seen* const seen_;
  Board board_;
  std::set<int> copied_before_;
  std::map<uint64_t, Reading> readings_;
  std::map<int, uint32_t> read_at_;
  size_t position_;
  size_t operation_ = 0;
  uint64_t ticket_ = 0;
  std::array<Partition, kPartitions> partitions_;
};

void Trial(uint32_t seed, CopyKind kind, Seen* seen) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const History history(random, 80);
  Durable durable;
  durable.kind = kind;
  // One that is copied again streams from its beginning.
  durable.offset = kind == CopyKind::kAgain ? 0 : 20;
  uint32_t now = history.entries()[durable.offset].ts;
  const int crashes = std::uniform_int_distribution<>(0, 4)(random);
  for (int number = 0;; ++number) {
    Run run(random, history, &durable, number, &now, seen);
    if (number < crashes) {
      for (int steps = std::uniform_int_distribution<>(0, 300)(random); steps > 0; --steps) {
        run.Step();
      }
      run.Crash();
      ++seen->crashes;
      continue;
    }
    int steps = 0;
    while (!run.done()) {
      run.Step();
      ASSERT_LT(++steps, 1000000) << "it does not come to an end";
    }
    break;
  }
  std::map<int, Reader> readers;
  for (int id = 0; id < kIds; ++id) readers.emplace(id, history);
  for (const auto& partition : durable.topic) {
    for (const Event& event : partition) readers.at(event.id).Read(event);
  }
  for (const auto& [id, reader] : readers) reader.Expect(id, history.entries().back().ts);
}

TEST(BoardPropertyTest, WhatTheTopicTellsIsRightWhateverHappens) {
  Seen seen;
  for (uint32_t seed = 1; seed <= 1500 && !HasFailure(); ++seed) {
    Trial(seed, CopyKind::kInitial, &seen);
  }
  // The trials are of no use when these do not happen.
  EXPECT_GT(seen.waits, 1000);
  EXPECT_GT(seen.skips, 1000);
  EXPECT_GT(seen.crashes, 500);
  EXPECT_GT(seen.resumed, 100);
  EXPECT_GT(seen.straddles, 5);
}

TEST(BoardPropertyTest, SoItIsForACollectionThatIsCopiedWhileItsEventsStream) {
  Seen seen;
  for (uint32_t seed = 1; seed <= 1000 && !HasFailure(); ++seed) {
    Trial(seed, CopyKind::kAgain, &seen);
  }
  EXPECT_GT(seen.waits, 500);
  EXPECT_EQ(seen.skips, 0);
  EXPECT_GT(seen.crashes, 300);
  EXPECT_GT(seen.resumed, 50);
}

}  // namespace
}  // namespace shardtail::snapshot
