#include "filter/field_exclusion.h"

#include <string_view>

#include "absl/container/inlined_vector.h"
#include "base/status_macros.h"
#include "filter/copy_inside.h"

namespace shardtail::filter {
namespace {

// A path of which the first parts lead to the document that is being copied.
struct Lead {
  const FieldPath* path;
  size_t parts;
  bool passes_words = false;  // an operator's own words ($each, $or) are no part of the path
};
using Leads = absl::InlinedVector<Lead, 8>;

// Whether `name` is excluded by one of `leads`; else appends to `inner` those that lead inside it.
bool FollowName(std::string_view name, const Leads& leads, Leads* inner) {
  for (const Lead& lead : leads) {
    if (lead.passes_words && name.starts_with('$')) {
      inner->push_back(lead);
      continue;
    }
    const size_t parts = lead.path->Follow(name, lead.parts);
    if (parts == lead.path->size()) return true;
    if (parts != 0) inner->push_back({lead.path, parts, lead.passes_words});
  }
  return false;
}

// The same for a key of an operand.
bool FollowKey(std::string_view key, const std::vector<FieldPath>& paths, bool passes_words,
               Leads* inner) {
  for (const FieldPath& path : paths) {
    const FieldPath::Counts counts = path.CountsOf(key);
    if (counts[path.size()]) return true;
    if (counts.none()) continue;
    for (size_t parts = 1; parts < path.size(); ++parts) {
      if (counts[parts]) inner->push_back({&path, parts, passes_words});
    }
  }
  return false;
}

// One pass over one document.
class Pass {
 public:
  Pass(const std::vector<FieldPath>& paths, const DocumentForm& form, bson::Builder& out)
      : paths_(paths), form_(form), out_(out) {}

  bool left_out() const { return left_out_; }

  absl::Status CopyDocument(bson::View document) {
    Leads leads;
    // In a patch `$set` is an operator, and not a field that a path could name.
    if (!form_.is_patch()) {
      for (const FieldPath& path : paths_) leads.push_back({&path, 0});
    }
    // A document without the fields that the paths begin with needs no copy.
    size_t not_copied = 0;
    bool copying = false;
    bson::Reader reader(document);
    bson::Element element;
    while (reader.Next(&element)) {
      Leads inner;
      const bool excluded = FollowName(element.name, leads, &inner);
      const bool is_operand = form_.IsOperand(element);
      if (!copying && !excluded && inner.empty() && !is_operand) {
        ++not_copied;
        continue;
      }
      if (!copying) CopyFirst(document, not_copied);
      copying = true;
      if (excluded) {
        left_out_ = true;
      } else if (is_operand) {
        SHARDTAIL_RETURN_IF_ERROR(CopyOperand(element, inner));
      } else {
        SHARDTAIL_RETURN_IF_ERROR(CopyValue(element, inner));
      }
    }
    return CheckWhole(reader, element);
  }

 private:
  void CopyFirst(bson::View document, size_t count) {
    bson::Reader reader(document);
    bson::Element element;
    for (; count > 0 && reader.Next(&element); --count) out_.Copy(element);
  }

  // `leads` are those that lead to the operand as to a field.
  absl::Status CopyOperand(const bson::Element& operand, const Leads& leads) {
    const bool has_words = operand.name != "$set" && operand.name != "$unset";
    out_.OpenDocument(operand.name);
    bson::Reader reader(operand.AsDocument());
    bson::Element change;
    while (reader.Next(&change)) {
      Leads inner;
      if (FollowName(change.name, leads, &inner) ||
          FollowKey(change.name, paths_, has_words, &inner)) {
        left_out_ = true;
      } else {
        SHARDTAIL_RETURN_IF_ERROR(CopyValue(change, inner));
      }
    }
    out_.Close();
    return CheckWhole(reader, change);
  }

  absl::Status CopyValue(const bson::Element& value, const Leads& leads) {
    if (leads.empty()) {
      out_.Copy(value);
      return absl::OkStatus();
    }
    return CopyInside(value, out_,
                      [this, &leads](bson::View fields) { return CopyFields(fields, leads); });
  }

  absl::Status CopyFields(bson::View fields, const Leads& leads) {
    bson::Reader reader(fields);
    bson::Element field;
    while (reader.Next(&field)) {
      Leads inner;
      if (FollowName(field.name, leads, &inner)) {
        left_out_ = true;
      } else {
        SHARDTAIL_RETURN_IF_ERROR(CopyValue(field, inner));
      }
    }
    return CheckWhole(reader, field);
  }

  const std::vector<FieldPath>& paths_;
  const DocumentForm& form_;
  bson::Builder& out_;
  bool left_out_ = false;
};

}  // namespace

absl::StatusOr<bool> FieldExclusion::Apply(bson::View document, const DocumentForm& form,
                                           bson::Builder& out) const {
  Pass pass(paths_, form, out);
  SHARDTAIL_RETURN_IF_ERROR(pass.CopyDocument(document));
  return pass.left_out();
}

}  // namespace shardtail::filter
