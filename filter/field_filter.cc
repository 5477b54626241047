#include "filter/field_filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "filter/document_form.h"

namespace shardtail::filter {
namespace {

constexpr char kExclude[] = "field.exclude.list";
constexpr char kRenames[] = "field.renames";
constexpr char kRenameForm[] = "is not database.collection.field[.nested…]:new_name";

std::string_view Trimmed(std::string_view text) {
  constexpr char kBlanks[] = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

absl::Status Invalid(std::string_view property, std::string_view rule, std::string_view reason) {
  return absl::InvalidArgumentError(
      fmt::format("{}: Invalid format: '{}' {}", property, rule, reason));
}

// The parts of `db.collection.field[.nested…]`; none where it has another form.
std::vector<std::string> SplitName(std::string_view name) {
  std::vector<std::string> parts;
  while (true) {
    const size_t dot = name.find('.');
    parts.emplace_back(name.substr(0, dot));
    if (parts.back().empty()) return {};
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
  if (parts.size() < 3 || parts.size() - 2 > FieldPath::kMaxParts) return {};
  return parts;
}

// A field of which the first parts are its namespace.
struct Field {
  NamespacePattern collections;
  FieldPath path;
};

absl::StatusOr<Field> MakeField(std::span<const std::string> parts, size_t in_namespace) {
  SHARDTAIL_ASSIGN_OR_RETURN(
      NamespacePattern collections,
      NamespacePattern::Create(fmt::format("{}", fmt::join(parts.first(in_namespace), "."))));
  const auto path = parts.subspan(in_namespace);
  return Field{std::move(collections), FieldPath({path.begin(), path.end()})};
}

}  // namespace

absl::StatusOr<FieldFilter> FieldFilter::Create(const Options& options) {
  FieldFilter filter;
  for (const std::string& rule : options.field_exclude) {
    SHARDTAIL_RETURN_IF_ERROR(filter.AddExclusion(rule));
  }
  for (const std::string& rule : options.field_renames) {
    SHARDTAIL_RETURN_IF_ERROR(filter.AddRename(rule));
  }
  return filter;
}

absl::Status FieldFilter::AddExclusion(std::string_view rule) {
  const std::vector<std::string> parts = SplitName(Trimmed(rule));
  if (parts.empty()) {
    return Invalid(kExclude, rule, "is not database.collection.field[.nested…]");
  }
  absl::StatusOr<Field> field = MakeField(parts, 2);
  if (!field.ok()) return Invalid(kExclude, rule, std::string(field.status().message()));
  exclusions_.push_back({std::move(field->collections), std::move(field->path)});
  // The collections with dots in their names that it may be about too. A `*` has those already.
  for (size_t dots = 1; dots + 2 < parts.size(); ++dots) {
    if (parts[dots].find('*') != std::string::npos) break;
    if (parts[dots + 1].find('*') != std::string::npos) break;
    field = MakeField(parts, dots + 2);
    // A field's name need not be a regular expression.
    if (field.ok()) exclusions_.push_back({std::move(field->collections), std::move(field->path)});
  }
  return absl::OkStatus();
}

absl::Status FieldFilter::AddRename(std::string_view rule) {
  const size_t colon = rule.find(':');
  if (colon == std::string_view::npos || colon != rule.rfind(':')) {
    return Invalid(kRenames, rule, kRenameForm);
  }
  const std::vector<std::string> parts = SplitName(Trimmed(rule.substr(0, colon)));
  const std::string_view new_name = Trimmed(rule.substr(colon + 1));
  if (parts.empty() || new_name.empty()) return Invalid(kRenames, rule, kRenameForm);
  absl::StatusOr<Field> field = MakeField(parts, 2);
  if (!field.ok()) return Invalid(kRenames, rule, std::string(field.status().message()));
  renames_.push_back(
      {std::move(field->collections), FieldRename(std::move(field->path), std::string(new_name))});
  return absl::OkStatus();
}

FieldFilter::Rules FieldFilter::ForCollection(const event::Namespace& ns) const {
  std::vector<FieldPath> excluded;
  for (const Exclusion& exclusion : exclusions_) {
    if (exclusion.collections.Matches(ns.full)) excluded.push_back(exclusion.path);
  }
  Rules rules;
  rules.exclusion_ = FieldExclusion(std::move(excluded));
  for (const Rename& rename : renames_) {
    if (rename.collections.Matches(ns.full)) rules.renames_.push_back(rename.rename);
  }
  return rules;
}

absl::StatusOr<bson::View> FieldFilter::Rules::Apply(bson::View document,
                                                     bson::Builder& out) const {
  SHARDTAIL_ASSIGN_OR_RETURN(const DocumentForm form, DocumentForm::Of(document));
  bson::View current = document;
  out.Clear();
  if (!exclusion_.empty()) {
    SHARDTAIL_ASSIGN_OR_RETURN(const bool left_out, exclusion_.Apply(document, form, out));
    if (left_out) current = out.view();
  }
  bson::Builder second;  // where the document is in `out` already
  for (const FieldRename& rename : renames_) {
    const bool in_out = current.data() != document.data();
    bson::Builder& target = in_out ? second : out;
    target.Clear();
    SHARDTAIL_ASSIGN_OR_RETURN(const bool renamed, rename.Apply(current, form, target));
    if (!renamed) continue;
    if (in_out) std::swap(out, second);
    current = out.view();
  }
  return current;
}

}  // namespace shardtail::filter
