#include "filter/field_rename.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "base/status_macros.h"
#include "filter/copy_inside.h"

namespace shardtail::filter {
namespace {

absl::Status Taken(std::string_view name) {
  return absl::DataLossError(fmt::format(
      "Document already contains field : {} (a field that field.renames would give this name)",
      name));
}

// The parts of an update's key, and those of them that Debezium 1.3.1 compares with a path.
using KeyNames = absl::InlinedVector<std::string_view, 8>;
struct Key {
  explicit Key(std::string_view key) {
    bool has_list_in_list = false;
    KeyParts reader(key);
    for (std::string_view part; reader.Next(&part);) {
      has_list_in_list |= !parts.empty() && IsIndex(part) && IsIndex(parts.back());
      parts.push_back(part);
      if (!IsIndex(part)) names.push_back(part);
    }
    if (has_list_in_list || names.empty()) names = parts;
  }

  KeyNames parts;
  KeyNames names;
};

// How many parts of `path` all of `names` stand for, or path.size() when they go on behind it; 0
// when they lead elsewhere.
size_t CommonParts(const KeyNames& names, const FieldPath& path) {
  size_t at = 0;
  for (; at < names.size() && at < path.size(); ++at) {
    if (names[at] != path.part(at)) return 0;
  }
  return at;
}

// The key with its `count`th name, numbers not counted, replaced by `name`.
std::string Replaced(KeyNames parts, size_t count, std::string_view name) {
  for (std::string_view& part : parts) {
    if (IsIndex(part) || --count != 0) continue;
    part = name;
    break;
  }
  return fmt::format("{}", fmt::join(parts, "."));
}

// One pass over one document.
class Pass {
 public:
  Pass(const FieldPath& path, std::string_view new_name, bson::Builder& out)
      : path_(path), new_name_(new_name), out_(out) {}

  bool renamed() const { return renamed_; }

  // Copies `fields`, to which the first `depth` parts of the path lead.
  absl::Status CopyFields(bson::View fields, size_t depth) {
    const std::string& name = path_.part(depth);
    if (depth + 1 == path_.size()) return CopyRenaming(fields, name, new_name_);
    bson::Reader reader(fields);
    bson::Element field;
    while (reader.Next(&field)) {
      if (field.name == name) {
        SHARDTAIL_RETURN_IF_ERROR(CopyValue(field, depth + 1));
      } else {
        out_.Copy(field);
      }
    }
    return CheckWhole(reader, field);
  }

  // Copies `fields` with those of the name `from` at the end, as `to`.
  absl::Status CopyRenaming(bson::View fields, std::string_view from, std::string_view to) {
    std::vector<bson::Element> moved;
    bool taken = from == to;
    bson::Reader reader(fields);
    bson::Element field;
    while (reader.Next(&field)) {
      if (field.name == from) {
        moved.push_back(field);
      } else {
        taken |= field.name == to;
        out_.Copy(field);
      }
    }
    SHARDTAIL_RETURN_IF_ERROR(CheckWhole(reader, field));
    if (moved.empty()) return absl::OkStatus();
    if (taken) return Taken(to);
    for (const bson::Element& element : moved) out_.Value(to, element);
    renamed_ = true;
    return absl::OkStatus();
  }

  // Copies an operand's changes, none of which has the path itself for a key.
  absl::Status CopyChanges(bson::View changes) {
    std::vector<bson::Element> kept;
    std::vector<std::pair<std::string, bson::Element>> moved;
    bool went_inside = false;
    bson::Reader reader(changes);
    bson::Element change;
    while (reader.Next(&change)) {
      if (!went_inside) {
        const Key key(change.name);
        const size_t parts = CommonParts(key.names, path_);
        if (parts == path_.size()) {
          moved.emplace_back(Replaced(key.parts, parts, new_name_), change);
          continue;
        }
        if (parts != 0) {
          went_inside = true;
          kept.push_back(change);
          SHARDTAIL_RETURN_IF_ERROR(CopyValue(change, parts));
          continue;
        }
      }
      kept.push_back(change);
      out_.Copy(change);
    }
    SHARDTAIL_RETURN_IF_ERROR(CheckWhole(reader, change));
    if (moved.empty()) return absl::OkStatus();
    renamed_ = true;
    std::unordered_set<std::string_view> names;
    for (const bson::Element& element : kept) names.insert(element.name);
    for (const auto& [key, element] : moved) {
      if (!names.insert(key).second) return Taken(key);
      out_.Value(key, element);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status CopyValue(const bson::Element& value, size_t depth) {
    return CopyInside(value, out_,
                      [this, depth](bson::View fields) { return CopyFields(fields, depth); });
  }

  const FieldPath& path_;
  const std::string_view new_name_;
  bson::Builder& out_;
  bool renamed_ = false;
};

}  // namespace

FieldRename::FieldRename(FieldPath path, std::string new_name)
    : path_(std::move(path)), new_name_(std::move(new_name)), key_(path_.ToString()) {
  new_key_ = key_.substr(0, key_.size() - path_.part(path_.size() - 1).size()) + new_name_;
}

absl::StatusOr<bool> FieldRename::Apply(bson::View document, const DocumentForm& form,
                                        bson::Builder& out) const {
  Pass pass(path_, new_name_, out);
  if (!form.has_operands()) {
    // Most documents do not have the field: they need no copy.
    if (!document.Find(path_.part(0)).has_value()) return false;
    SHARDTAIL_RETURN_IF_ERROR(pass.CopyFields(document, 0));
    return pass.renamed();
  }
  bson::Reader reader(document);
  bson::Element element;
  while (reader.Next(&element)) {
    if (!form.IsOperand(element)) {
      out.Copy(element);
      continue;
    }
    const bson::View changes = element.AsDocument();
    out.OpenDocument(element.name);
    SHARDTAIL_RETURN_IF_ERROR(changes.Find(key_).has_value()
                                  ? pass.CopyRenaming(changes, key_, new_key_)
                                  : pass.CopyChanges(changes));
    out.Close();
  }
  SHARDTAIL_RETURN_IF_ERROR(CheckWhole(reader, element));
  return pass.renamed();
}

}  // namespace shardtail::filter
