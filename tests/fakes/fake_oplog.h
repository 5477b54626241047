#ifndef SHARDTAIL_TESTS_FAKES_FAKE_OPLOG_H_
#define SHARDTAIL_TESTS_FAKES_FAKE_OPLOG_H_

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tailer/oplog_source.h"

namespace shardtail::fakes {

// An oplog in memory, and one document, to be looked up.
class FakeOplog : public tailer::EntryLookup {
 public:
  void Add(bson::Document entry) {
    const bson::Timestamp ts = entry.view().Find("ts")->AsTimestamp();
    entries_[ts] = std::move(entry);
  }
  void Remove(bson::Timestamp ts) { entries_.erase(ts); }
  // What every search for a document finds from now on; by default there is none.
  void SetDocument(absl::StatusOr<bson::Document> document) { document_ = std::move(document); }

  absl::StatusOr<bson::Document> Find(bson::Timestamp ts) override {
    found_.push_back(ts);
    const auto entry = entries_.find(ts);
    if (entry == entries_.end()) return absl::OutOfRangeError("no such entry");
    return entry->second;
  }

  absl::StatusOr<bson::Document> FindDocument(const event::Namespace&, const bson::Element&,
                                              bson::Timestamp ts) override {
    looked_up_at_.push_back(ts);
    return document_;
  }

  const std::vector<bson::Timestamp>& found() const { return found_; }
  const std::vector<bson::Timestamp>& looked_up_at() const { return looked_up_at_; }

 private:
  std::map<bson::Timestamp, bson::Document> entries_;
  absl::StatusOr<bson::Document> document_ = absl::NotFoundError("no such document");
  std::vector<bson::Timestamp> found_;
  std::vector<bson::Timestamp> looked_up_at_;
};

}  // namespace shardtail::fakes

#endif  // SHARDTAIL_TESTS_FAKES_FAKE_OPLOG_H_
