#include "tailer/update_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/status_macros.h"

namespace shardtail::tailer {
namespace {

using bson::Element;
using bson::Type;

// Documents nest to 180 levels, each of which a diff doubles at most.
constexpr int kMaxDepth = 400;
constexpr std::array<uint8_t, 5> kEmptyArray = {5, 0, 0, 0, 0};

absl::Status NotADiff(std::string_view why, std::string_view path) {
  return absl::DataLossError(fmt::format("its diff of '{}' {}", path, why));
}

bool IsNumber(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// A name that, as part of a dotted path, would name another field.
bool IsAmbiguous(std::string_view name) {
  return name.empty() || name[0] == '$' || name.find('.') != std::string_view::npos;
}

bool ComponentLess(std::string_view a, std::string_view b) {
  const bool a_is_number = IsNumber(a);
  const bool b_is_number = IsNumber(b);
  if (a_is_number != b_is_number) return a_is_number;
  if (!a_is_number) return a < b;
  const auto digits = [](std::string_view number) {
    return number.substr(std::min(number.find_first_not_of('0'), number.size()));
  };
  const std::string_view x = digits(a);
  const std::string_view y = digits(b);
  if (x.size() != y.size()) return x.size() < y.size();
  return x != y ? x < y : a < b;
}

bool PathLess(std::string_view a, std::string_view b) {
  while (true) {
    const std::string_view x = a.substr(0, a.find('.'));
    const std::string_view y = b.substr(0, b.find('.'));
    if (x != y) return ComponentLess(x, y);
    if (y.size() == b.size()) return false;
    if (x.size() == a.size()) return true;
    a.remove_prefix(x.size() + 1);
    b.remove_prefix(y.size() + 1);
  }
}

bool IsArrayDiff(bson::View diff) {
  bson::Reader reader(diff);
  Element first;
  return reader.Next(&first) && first.name == "a" && first.IsTrue();
}

}  // namespace

absl::StatusOr<bool> UpdateDiff::ToModifiers(bson::View diff, bson::Builder* patch) {
  path_.clear();
  paths_.clear();
  sets_.clear();
  unsets_.clear();
  SHARDTAIL_ASSIGN_OR_RETURN(const bool has_form, ReadDocument(diff, 0));
  // Modifiers that change nothing are none to a server.
  if (!has_form || (sets_.empty() && unsets_.empty())) return false;
  Sort(&sets_);
  Sort(&unsets_);
  patch->Clear();
  patch->Int32("$v", 1);
  if (!sets_.empty()) {
    patch->OpenDocument("$set");
    for (const Change& change : sets_) patch->Value(PathOf(change), change.value);
    patch->Close();
  }
  if (!unsets_.empty()) {
    patch->OpenDocument("$unset");
    for (const Change& change : unsets_) patch->Bool(PathOf(change), true);
    patch->Close();
  }
  return true;
}

absl::StatusOr<bool> UpdateDiff::ReadDocument(bson::View diff, int depth) {
  if (depth > kMaxDepth) return NotADiff("is nested too deeply", path_);
  bson::Reader reader(diff);
  Element section;
  while (reader.Next(&section)) {
    bool has_form = false;
    if (section.name == "d") {
      SHARDTAIL_ASSIGN_OR_RETURN(has_form, ReadFields(section, &unsets_));
    } else if (section.name == "u" || section.name == "i") {
      SHARDTAIL_ASSIGN_OR_RETURN(has_form, ReadFields(section, &sets_));
    } else if (section.name.starts_with('s')) {
      SHARDTAIL_ASSIGN_OR_RETURN(has_form,
                                 ReadInner(section, section.name.substr(1), false, depth));
    } else if (section.name != "b") {
      return NotADiff(fmt::format("has a section '{}', which is unknown", section.name), path_);
    }
    if (!has_form) return false;
  }
  if (reader.corrupt()) return NotADiff("is broken BSON", path_);
  return true;
}

absl::StatusOr<bool> UpdateDiff::ReadArray(bson::View diff, int depth) {
  if (depth > kMaxDepth) return NotADiff("is nested too deeply", path_);
  bson::Reader reader(diff);
  Element element;
  bool emptied = false;
  bool changed = false;
  while (reader.Next(&element)) {
    if (element.name == "a") continue;
    if (element.name == "l") {
      const auto size = element.GetInteger();
      if (!size.has_value() || *size < 0) return NotADiff("has no array's size in 'l'", path_);
      if (*size > 0) return false;
      emptied = true;
      continue;
    }
    const std::string_view index = element.name.substr(std::min<size_t>(1, element.name.size()));
    if (!IsNumber(index)) {
      return NotADiff(fmt::format("has an element '{}', which is unknown", element.name), path_);
    }
    changed = true;
    if (element.name[0] == 'u') {
      Add(index, element, &sets_);
    } else if (element.name[0] == 's') {
      SHARDTAIL_ASSIGN_OR_RETURN(const bool has_form, ReadInner(element, index, true, depth));
      if (!has_form) return false;
    } else {
      return NotADiff(fmt::format("has an element '{}', which is unknown", element.name), path_);
    }
  }
  if (reader.corrupt()) return NotADiff("is broken BSON", path_);
  if (!emptied) return true;
  if (changed) return false;
  // An array without its last elements is no modifier, but one without any is a value like others.
  sets_.push_back({paths_.size(),
                   path_.size(),
                   {.type = Type::kArray,
                    .name = {},
                    .value = kEmptyArray.data(),
                    .value_size = static_cast<uint32_t>(kEmptyArray.size())}});
  paths_ += path_;
  return true;
}

absl::StatusOr<bool> UpdateDiff::ReadInner(const Element& diff, std::string_view name,
                                           bool is_index, int depth) {
  if (diff.type != Type::kDocument) {
    return NotADiff(fmt::format("has no document in '{}'", diff.name), path_);
  }
  if (!is_index && IsAmbiguous(name)) return false;
  const size_t outer = Extend(name);
  const bson::View inner = diff.AsDocument();
  absl::StatusOr<bool> has_form =
      IsArrayDiff(inner) ? ReadArray(inner, depth + 1) : ReadDocument(inner, depth + 1);
  path_.resize(outer);
  return has_form;
}

absl::StatusOr<bool> UpdateDiff::ReadFields(const Element& section, std::vector<Change>* changes) {
  if (section.type != Type::kDocument) {
    return NotADiff(fmt::format("has no document in '{}'", section.name), path_);
  }
  bson::Reader reader(section.AsDocument());
  Element field;
  while (reader.Next(&field)) {
    if (IsAmbiguous(field.name)) return false;
    Add(field.name, field, changes);
  }
  if (reader.corrupt()) return NotADiff("is broken BSON", path_);
  return true;
}

void UpdateDiff::Add(std::string_view name, const Element& value, std::vector<Change>* changes) {
  const size_t begin = paths_.size();
  const size_t outer = Extend(name);
  paths_ += path_;
  path_.resize(outer);
  changes->push_back({begin, paths_.size() - begin, value});
}

size_t UpdateDiff::Extend(std::string_view name) {
  const size_t outer = path_.size();
  if (outer > 0) path_ += '.';
  path_ += name;
  return outer;
}

std::string_view UpdateDiff::PathOf(const Change& change) const {
  return std::string_view(paths_).substr(change.path_begin, change.path_size);
}

void UpdateDiff::Sort(std::vector<Change>* changes) const {
  std::ranges::stable_sort(*changes, PathLess,
                           [this](const Change& change) { return PathOf(change); });
}

}  // namespace shardtail::tailer
