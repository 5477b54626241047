#ifndef SHARDTAIL_FILTER_FIELD_RENAME_H_
#define SHARDTAIL_FILTER_FIELD_RENAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "filter/document_form.h"
#include "filter/field_path.h"
#include "mongo/bson.h"

namespace shardtail::filter {

// One rule of field.renames, exactly as Debezium 1.3.1 applies it. Immutable; any thread.
//
// In a document the field goes to the end of the document that holds it, under its new name.
//
// In an update's operand whose keys hold the path itself, that key only is renamed. Else the keys
// are read in order, the numbers in them ignored unless two stand in a row: those at the path or
// inside it (`a.0.b`, `a.0.b.c`) are renamed in this part and go to the end; at the first that lies
// around the path (`a.0`), what is inside is renamed, and the keys after it stay as they are.
class FieldRename {
 public:
  FieldRename(FieldPath path, std::string new_name);

  // Writes `document` with the field renamed to `out`, which must be clear. False when there was
  // nothing to rename; then what `out` holds is of no use. kDataLoss for broken BSON, and where the
  // new name is taken: `Document already contains field : <name>`.
  absl::StatusOr<bool> Apply(bson::View document, const DocumentForm& form,
                             bson::Builder& out) const;

 private:
  FieldPath path_;
  std::string new_name_;
  std::string key_;      // the path with its dots
  std::string new_key_;  // the same with the new name at the end
};

}  // namespace shardtail::filter

#endif  // SHARDTAIL_FILTER_FIELD_RENAME_H_
