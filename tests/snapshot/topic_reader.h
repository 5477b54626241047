#ifndef SHARDTAIL_TESTS_SNAPSHOT_TOPIC_READER_H_
#define SHARDTAIL_TESTS_SNAPSHOT_TOPIC_READER_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tests/snapshot/collection_history.h"

namespace shardtail::snapshot {

// What a reader of the topic sees of an event.
struct Event {
  int id = 0;
  Kind kind = Kind::kRead;
  size_t field = 0;
  int value = 0;
  Fields document{};         // kRead
  uint32_t time = 0;         // the entry's ts, or the time that the document was read at
  bool last_of_its = false;  // the last write to its document in its entry
  bool prepared = false;
  int run = 0;
  size_t entry = 0;  // all before this one were decided
  uint64_t ticket = 0;
};

// What a reader of the topic knows of one document. Fails the test where that is not right by the
// history, which must outlive it.
class Reader {
 public:
  explicit Reader(const History& history) : history_(history) {}

  void Read(const Event& event) {
    if (event.run != run_) {
      run_ = event.run;
      time_in_run_ = 0;
      read_in_run_ = false;
    }
    EXPECT_GE(event.time, time_in_run_) << "back in time";
    if (event.kind == Kind::kRead) {
      EXPECT_FALSE(read_in_run_) << "announced twice";
      read_in_run_ = true;
      state_ = {{event.id, event.document}};
    } else {
      if (read_in_run_ && event.time == time_in_run_ && !in_entry_) {
        ADD_FAILURE() << "published though what was read contains it";
      }
      // Of a prepared transaction that deletes the document after all, see Board::Merge().
      const bool deleted = event.prepared && !event.last_of_its;
      EXPECT_TRUE(announced_ || event.kind != Kind::kUpdate || deleted) << "a patch has no base";
      Apply({event.id, event.kind, event.field, event.value}, &state_);
    }
    in_entry_ = event.kind != Kind::kRead;
    announced_ = announced_ || event.kind == Kind::kRead || event.kind == Kind::kInsert;
    time_in_run_ = event.time;
    newest_ = std::max(newest_, event.time);
    // What comes again after a crash is right only when it has all come.
    if (event.time < newest_ || (event.kind != Kind::kRead && !event.last_of_its)) return;
    Expect(event.id, event.time);
  }

  void Expect(int id, uint32_t time) const {
    const State source = history_.At(time);
    const auto expected = source.find(id);
    const auto found = state_.find(id);
    ASSERT_EQ(found != state_.end(), expected != source.end())
        << "document " << id << " at " << time;
    if (found != state_.end()) {
      EXPECT_EQ(found->second, expected->second) << "document " << id << " at " << time;
    }
  }

 private:
  const History& history_;
  State state_;
  int run_ = -1;
  uint32_t time_in_run_ = 0;
  uint32_t newest_ = 0;
  bool read_in_run_ = false;
  bool in_entry_ = false;
  bool announced_ = false;
};

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_TESTS_SNAPSHOT_TOPIC_READER_H_
