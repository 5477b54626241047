#ifndef SHARDTAIL_FILTER_FIELD_EXCLUSION_H_
#define SHARDTAIL_FILTER_FIELD_EXCLUSION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "filter/document_form.h"
#include "filter/field_path.h"
#include "mongo/bson.h"

namespace shardtail::filter {

// field.exclude.list for one collection: all its paths in one pass. Immutable; any thread.
//
// The rule it keeps: what lies at an excluded path in a document never gets into its output, nor
// into that of an update, however the update spells it. It leaves out all that Debezium 1.3.1
// leaves out, and what that one lets slip:
//   - in an update, the second of two keys that lie around the field (`{"a.0": {secret: 1}, "a.1":
//     {secret: 2}}`, as a $push of two documents is logged), keys beside one that is spelled as the
//     path, keys with two numbers in a row behind the field, or with a number that the path has
//   - operators other than $set and $unset; what is beside them
//   - names that hold dots, as those of a sharded collection's key in `filter`
//   - every one of several fields of the same name.
// Not excluded, as in 1.3.1: what is in a list that is itself in a list, since no path leads there.
// What becomes empty stays: `{$set: {}}`.
class FieldExclusion {
 public:
  FieldExclusion() = default;
  explicit FieldExclusion(std::vector<FieldPath> paths) : paths_(std::move(paths)) {}

  bool empty() const { return paths_.empty(); }

  // Writes what is left of `document` to `out`, which must be clear. False when nothing was left
  // out; then what `out` holds is of no use. kDataLoss for broken BSON.
  absl::StatusOr<bool> Apply(bson::View document, const DocumentForm& form,
                             bson::Builder& out) const;

 private:
  std::vector<FieldPath> paths_;
};

}  // namespace shardtail::filter

#endif  // SHARDTAIL_FILTER_FIELD_EXCLUSION_H_
