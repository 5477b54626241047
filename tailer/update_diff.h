#ifndef SHARDTAIL_TAILER_UPDATE_DIFF_H_
#define SHARDTAIL_TAILER_UPDATE_DIFF_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "mongo/bson.h"

namespace shardtail::tailer {

// Rewrites the diffs by which MongoDB 5.0 and later log updates (`{$v: 2, diff: …}`) as the
// modifiers that 4.4 logged, and that every consumer of Debezium 1.3's events reads:
//
//   {$v: 1, $set: {"a.b": 1, "list.3": 2}, $unset: {c: true}}
//
// with $set and $unset only where they are not empty, and the paths in 4.4's order: field by field
// by name, numbers before names and by value.
//
// Some diffs have no such form: an array cut off at its end, a field whose name as part of a path
// would mean another one (it is empty, holds a dot, or begins with a dollar), a time-series
// bucket's binary diff. See docs/decisions/0010-updates-of-mongodb-5.md for what becomes of them.
//
// The order of a document's fields is not carried over: a field that a pipeline update moved to the
// end stays where it was.
//
// Keeps its buffers from one call to the next. Not thread-safe.
class UpdateDiff {
 public:
  // Whether `diff` has the form of modifiers; then `patch` is replaced by it. kDataLoss when `diff`
  // is no diff as the server writes them; the message is a reason without the entry's place.
  //
  // The grammar is in document_diff_serialization.h in MongoDB's sources.
  absl::StatusOr<bool> ToModifiers(bson::View diff, bson::Builder* patch);

 private:
  struct Change {
    size_t path_begin;
    size_t path_size;
    bson::Element value;  // of a $set
  };

  // Each extends path_ and restores it. They return whether all has a form so far.
  absl::StatusOr<bool> ReadDocument(bson::View diff, int depth);
  absl::StatusOr<bool> ReadArray(bson::View diff, int depth);
  absl::StatusOr<bool> ReadInner(const bson::Element& diff, std::string_view name, bool is_index,
                                 int depth);
  // Every field of a section `u`, `i` or `d`.
  absl::StatusOr<bool> ReadFields(const bson::Element& section, std::vector<Change>* changes);
  void Add(std::string_view name, const bson::Element& value, std::vector<Change>* changes);

  size_t Extend(std::string_view name);
  std::string_view PathOf(const Change& change) const;
  void Sort(std::vector<Change>* changes) const;

  std::string path_;   // of the (sub-)document being read
  std::string paths_;  // of all changes, one after the other
  std::vector<Change> sets_;
  std::vector<Change> unsets_;
};

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_UPDATE_DIFF_H_
