#include "filter/document_form.h"

#include <fmt/format.h>

#include "base/status_macros.h"
#include "filter/copy_inside.h"

namespace shardtail::filter {
namespace {

bool IsSetOrUnset(std::string_view name) { return name == "$set" || name == "$unset"; }

}  // namespace

absl::StatusOr<DocumentForm> DocumentForm::Of(bson::View document) {
  DocumentForm form;
  bool has_set = false;
  bool has_other = false;
  bool is_first = true;
  bson::Reader reader(document);
  bson::Element element;
  while (reader.Next(&element)) {
    if (is_first && element.name == "$v" && element.GetInteger().value_or(1) != 1) {
      return absl::DataLossError(
          fmt::format("a patch of version {}, in which field.exclude.list and field.renames cannot "
                      "be applied",
                      *element.GetInteger()));
    }
    is_first = false;
    if (!element.name.starts_with('$')) {
      form.has_fields_ = true;
    } else if (element.type == bson::Type::kDocument) {
      (IsSetOrUnset(element.name) ? has_set : has_other) = true;
    }
  }
  SHARDTAIL_RETURN_IF_ERROR(CheckWhole(reader, element));
  form.has_operands_ = has_set || (has_other && !form.has_fields_);
  return form;
}

bool DocumentForm::IsOperand(const bson::Element& element) const {
  if (!has_operands_ || element.type != bson::Type::kDocument) return false;
  return IsSetOrUnset(element.name) || (!has_fields_ && element.name.starts_with('$'));
}

}  // namespace shardtail::filter
