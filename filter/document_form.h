#ifndef SHARDTAIL_FILTER_DOCUMENT_FORM_H_
#define SHARDTAIL_FILTER_DOCUMENT_FORM_H_

#include "absl/status/statusor.h"
#include "mongo/bson.h"

namespace shardtail::filter {

// Whether a document holds fields, or is a patch: update operators, whose operands
// (`{$set: {"a.0.b": 1}}`) have paths for names.
class DocumentForm {
 public:
  // kDataLoss for broken BSON, and for a patch of another version than `{$v: 1}`: its fields could
  // not be found.
  static absl::StatusOr<DocumentForm> Of(bson::View document);

  // Whether this top-level element is an operand. `$set` and `$unset` are operators among fields
  // too (as in Debezium 1.3; from MongoDB 5.0 on a user may give a field such a name), but not
  // where they are no documents. Others are operators only where there is no field.
  bool IsOperand(const bson::Element& element) const;
  bool has_operands() const { return has_operands_; }

  // Operators, and no field beside them.
  bool is_patch() const { return has_operands_ && !has_fields_; }

 private:
  bool has_operands_ = false;
  bool has_fields_ = false;
};

}  // namespace shardtail::filter

#endif  // SHARDTAIL_FILTER_DOCUMENT_FORM_H_
