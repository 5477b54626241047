#ifndef SHARDTAIL_TESTS_FAKES_FAKE_MEMBER_H_
#define SHARDTAIL_TESTS_FAKES_FAKE_MEMBER_H_

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "pipeline/member.h"

namespace shardtail::fakes {

// A replica set in memory: an oplog, and documents to copy. One thread writes it before the capture
// runs.
struct FakeReplicaSet {
  struct Document {
    std::string ns;
    bson::Document document;
  };

  std::vector<bson::Document> oplog;  // in order of ts
  std::vector<Document> documents;
  std::vector<absl::Status> find_errors;  // of the next attempts to find a member
  int find_calls = 0;
  bool whole = false;        // the oplog begins with the replica set
  std::string fail_read_of;  // the collection that a snapshot cannot read
  absl::Status read_error = absl::UnavailableError("connection lost");
  std::string without_bound;  // the collection that cannot be cut: each document is a part
  // Of it, before one comes to its end. Changed by the threads that read, as is the next.
  mutable std::atomic<int> broken_reads = 0;
  mutable std::atomic<uint32_t> read_at = 0;  // the seconds of the latest read
  std::optional<bson::Timestamp> latest;      // what a member that lags says of its last entry
  // What a source says when it has given everything; by default the end of the test's capture.
  std::function<absl::Status()> at_end = [] { return absl::CancelledError("end of the test"); };

  static bson::Timestamp TsOf(const bson::Document& entry) {
    return entry.view().Find("ts")->AsTimestamp();
  }

  // An insert of {_id: id}, with a text where there is one, into `ns` at (seconds, 1).
  void Insert(uint32_t seconds, std::string_view ns, int id, std::string_view text = "") {
    bson::Builder document;
    document.Int32("_id", id);
    if (!text.empty()) document.String("text", text);
    oplog.push_back(bson::Builder()
                        .Time("ts", {seconds, 1})
                        .String("op", "i")
                        .String("ns", ns)
                        .SubDocument("o", document.Build())
                        .Build());
  }

  // As Insert(), into the collection that List() finds, by a migration.
  void InsertMoved(uint32_t seconds, std::string_view ns, int id) {
    oplog.push_back(bson::Builder()
                        .Time("ts", {seconds, 1})
                        .String("op", "i")
                        .String("ns", ns)
                        .Uuid("ui", {static_cast<uint8_t>(ns.back())})
                        .Bool("fromMigrate", true)
                        .SubDocument("o", bson::Builder().Int32("_id", id).view())
                        .Build());
  }

  void Delete(uint32_t seconds, std::string_view ns, int id) {
    oplog.push_back(bson::Builder()
                        .Time("ts", {seconds, 1})
                        .String("op", "d")
                        .String("ns", ns)
                        .SubDocument("o", bson::Builder().Int32("_id", id).view())
                        .Build());
  }

  void Noop(uint32_t seconds) {
    oplog.push_back(bson::Builder()
                        .Time("ts", {seconds, 1})
                        .String("op", "n")
                        .String("ns", "")
                        .SubDocument("o", bson::Document())
                        .Build());
  }
};

class FakeOplogSource : public tailer::OplogSource {
 public:
  FakeOplogSource(const FakeReplicaSet& set, event::Position from) : set_(set), from_(from) {}

  absl::StatusOr<tailer::OplogBatch> Next() override {
    if (given_) {
      SHARDTAIL_RETURN_IF_ERROR(set_.at_end());
      return tailer::OplogBatch();
    }
    given_ = true;
    const auto at = std::ranges::find(set_.oplog, from_.ts, FakeReplicaSet::TsOf);
    if (at == set_.oplog.end()) {
      if (!set_.oplog.empty() && FakeReplicaSet::TsOf(set_.oplog.front()) > from_.ts) {
        return absl::OutOfRangeError("the oplog begins later");
      }
      return absl::AbortedError("the position was rolled back");
    }
    tailer::OplogBatch batch;
    for (auto entry = from_.index > 0 ? at : at + 1; entry != set_.oplog.end(); ++entry) {
      batch.entries.push_back(entry->view());
    }
    return batch;
  }

 private:
  const FakeReplicaSet& set_;
  const event::Position from_;
  bool given_ = false;
};

class FakeEntryLookup : public tailer::EntryLookup {
 public:
  explicit FakeEntryLookup(const FakeReplicaSet& set) : set_(set) {}

  absl::StatusOr<bson::Document> Find(bson::Timestamp ts) override {
    const auto at = std::ranges::find(set_.oplog, ts, FakeReplicaSet::TsOf);
    if (at == set_.oplog.end()) return absl::OutOfRangeError("no such entry");
    return *at;
  }

 private:
  const FakeReplicaSet& set_;
};

// The documents of a fake replica set, each collection in one range. Several may read at once.
class FakeSnapshotSource : public pipeline::SnapshotSource {
 public:
  explicit FakeSnapshotSource(const FakeReplicaSet& set) : set_(set) {}

  absl::StatusOr<tailer::OplogPoint> Latest() override {
    const bson::Timestamp last = FakeReplicaSet::TsOf(set_.oplog.back());
    return tailer::OplogPoint{.position = {set_.latest.value_or(last), 0}};
  }

  absl::StatusOr<std::vector<Collection>> List(
      absl::FunctionRef<absl::StatusOr<bool>(const event::Namespace&)> captures) override {
    std::vector<Collection> found;
    for (const auto& document : set_.documents) {
      SHARDTAIL_ASSIGN_OR_RETURN(const bool wanted,
                                 captures(*event::Namespace::Parse(document.ns)));
      const bool known = std::ranges::any_of(
          found, [&](const Collection& other) { return other.ns == document.ns; });
      if (!wanted || known) continue;
      Collection collection{.ns = document.ns};
      collection.uuid[0] = static_cast<uint8_t>(document.ns.back());
      found.push_back(collection);
    }
    return found;
  }

  absl::StatusOr<bool> Describe(Collection* collection) override {
    collection->described = true;
    return true;
  }

  absl::StatusOr<std::optional<int64_t>> Estimate(const Collection&) override {
    return std::nullopt;
  }

  absl::StatusOr<std::vector<snapshot::IdBound>> PlanBounds(const Collection&) override {
    return std::vector<snapshot::IdBound>();
  }

  absl::StatusOr<std::optional<Documents>> Read(const snapshot::Chunk& chunk,
                                                const Collection& collection,
                                                const OnPart& on_part) override {
    if (chunk.ns == set_.fail_read_of) return set_.read_error;
    set_.read_at = chunk.at.seconds;
    Documents read;
    for (const auto& document : set_.documents) {
      if (document.ns == chunk.ns) read.documents.push_back(document.document.view());
    }
    if (chunk.ns != set_.without_bound) return read;
    if (!collection.in_parts) {
      Documents none;
      none.without_bound = true;
      return none;
    }
    constexpr int64_t kNoRoomForTwo = 100 << 20;
    while (read.documents.size() > 1) {
      Documents part;
      part.documents = {read.documents.front()};
      part.bytes = kNoRoomForTwo;
      read.documents.erase(read.documents.begin());
      if (!on_part(std::move(part))) return std::nullopt;
      if (set_.broken_reads.fetch_sub(1) > 0) return std::nullopt;
    }
    return read;
  }

 private:
  const FakeReplicaSet& set_;
};

class FakeMember : public pipeline::Member {
 public:
  explicit FakeMember(FakeReplicaSet& set) : set_(set), lookup_(set) {}

  std::string name() const override { return "fake:27017"; }

  absl::StatusOr<offsets::StoredOffset> Latest() override {
    return offsets::StoredOffset{.position = {FakeReplicaSet::TsOf(set_.oplog.back()), 0}};
  }

  absl::StatusOr<std::unique_ptr<tailer::OplogSource>> Tail(const event::Position& from) override {
    return std::make_unique<FakeOplogSource>(set_, from);
  }

  tailer::EntryLookup& lookup() override { return lookup_; }

  absl::StatusOr<std::unique_ptr<pipeline::SnapshotSource>> OpenSnapshotSource() override {
    return std::make_unique<FakeSnapshotSource>(set_);
  }

  absl::StatusOr<Beginning> FindBeginning() override {
    return Beginning{.first = {.position = {FakeReplicaSet::TsOf(set_.oplog.front()), 0}},
                     .whole = set_.whole};
  }

  absl::StatusOr<offsets::StoredOffset> LastUntil(bson::Timestamp ts) override {
    absl::StatusOr<offsets::StoredOffset> last = absl::NotFoundError("the oplog begins later");
    for (const bson::Document& entry : set_.oplog) {
      if (FakeReplicaSet::TsOf(entry) > ts) break;
      last = offsets::StoredOffset{.position = {FakeReplicaSet::TsOf(entry), 0}};
    }
    return last;
  }

  bool GivesMigrationSigns() const override { return true; }
  absl::StatusOr<tailer::IncomingRanges> PendingRanges() override {
    return tailer::IncomingRanges();
  }
  absl::StatusOr<mongo::ClusterTime> ClusterTimeNow() override {
    return mongo::ClusterTime{.time = FakeReplicaSet::TsOf(set_.oplog.back()), .signed_time = {}};
  }

  absl::Status CheckRole() override { return absl::OkStatus(); }

 private:
  FakeReplicaSet& set_;
  FakeEntryLookup lookup_;
};

class FakeMemberSource : public pipeline::MemberSource {
 public:
  explicit FakeMemberSource(FakeReplicaSet& set) : set_(set) {}

  absl::StatusOr<std::unique_ptr<pipeline::Member>> Find(const std::stop_token&) override {
    ++set_.find_calls;
    if (!set_.find_errors.empty()) {
      const absl::Status error = set_.find_errors.front();
      set_.find_errors.erase(set_.find_errors.begin());
      return error;
    }
    return std::make_unique<FakeMember>(set_);
  }

 private:
  FakeReplicaSet& set_;
};

}  // namespace shardtail::fakes

#endif  // SHARDTAIL_TESTS_FAKES_FAKE_MEMBER_H_
