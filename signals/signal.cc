#include "signals/signal.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "base/status_macros.h"

namespace shardtail::signals {
namespace {

struct ActionName {
  std::string_view name;
  Action action;
};

constexpr ActionName kActions[] = {
    {"execute-snapshot", Action::kExecuteSnapshot},
    {"stop-snapshot", Action::kStopSnapshot},
    {"pause-snapshot", Action::kPauseSnapshot},
    {"resume-snapshot", Action::kResumeSnapshot},
    {"log", Action::kLog},
};

absl::Status Mistake(std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", field, what));
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) - begin + 1);
}

std::string InLowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool IsNull(const bson::Element& element) { return element.type == bson::Type::kNull; }

// What a field holds; none where it is null, too.
std::optional<bson::Element> Find(bson::View document, std::string_view field) {
  std::optional<bson::Element> found = document.Find(field);
  if (found.has_value() && IsNull(*found)) return std::nullopt;
  return found;
}

// A document that stands in `element` itself, or as JSON in its string; empty when that is blank.
absl::StatusOr<bson::Document> DocumentIn(const bson::Element& element, std::string_view field) {
  if (element.type == bson::Type::kDocument) return bson::Document(element.AsDocument());
  const std::optional<std::string_view> text = element.GetString();
  if (!text.has_value()) return Mistake(field, "must be a document, or one as JSON in a string");
  const std::string_view json = Trimmed(*text);
  if (json.empty()) return bson::Document();
  if (!json.starts_with('{')) return Mistake(field, fmt::format("'{}' is not a document", json));
  absl::StatusOr<bson::Document> document = bson::FromJson(json);
  if (document.ok()) return document;
  return Mistake(field,
                 fmt::format("is not extended JSON: {}", std::string(document.status().message())));
}

absl::StatusOr<base::Regex> PatternIn(const bson::Element& element, std::string_view field) {
  const std::string_view pattern = Trimmed(element.GetString().value_or(""));
  if (pattern.empty()) {
    return Mistake(field, "must be a regular expression that matches database.collection");
  }
  absl::StatusOr<base::Regex> regex = base::Regex::Create(pattern, /*ignore_case=*/true);
  if (regex.ok()) return regex;
  return Mistake(field, std::string(regex.status().message()));
}

absl::Status ReadCollections(bson::View data, Signal* signal) {
  constexpr std::string_view kField = "data.data-collections";
  const std::optional<bson::Element> collections = Find(data, "data-collections");
  if (collections.has_value()) {
    if (collections->type != bson::Type::kArray) {
      return Mistake(kField, "must be an array of regular expressions");
    }
    bson::Reader reader(collections->AsDocument());
    bson::Element element;
    while (reader.Next(&element)) {
      SHARDTAIL_ASSIGN_OR_RETURN(base::Regex pattern, PatternIn(element, kField));
      signal->collections.push_back(std::move(pattern));
    }
    if (reader.corrupt()) return Mistake(kField, "is not well-formed BSON");
  }
  if (signal->action == Action::kExecuteSnapshot && signal->collections.empty()) {
    return Mistake(kField,
                   "is missing; give regular expressions that match the collections to copy: "
                   "[\"database[.]collection\"]");
  }
  return absl::OkStatus();
}

absl::Status ReadType(bson::View data, Signal* signal) {
  const std::optional<bson::Element> type = Find(data, "type");
  if (!type.has_value()) return absl::OkStatus();
  const std::string name = InLowerCase(Trimmed(type->GetString().value_or("")));
  if (name != "incremental" && name != "blocking") {
    return Mistake("data.type", "must be INCREMENTAL or BLOCKING");
  }
  signal->blocking = name == "blocking";
  return absl::OkStatus();
}

absl::StatusOr<Condition> ReadCondition(const bson::Element& element) {
  constexpr std::string_view kCollection = "data.additional-conditions.data-collection";
  constexpr std::string_view kFilter = "data.additional-conditions.filter";
  if (element.type != bson::Type::kDocument) {
    return Mistake("data.additional-conditions",
                   "must hold documents, {\"data-collection\": …, \"filter\": …}");
  }
  const std::optional<bson::Element> collection = Find(element.AsDocument(), "data-collection");
  const std::optional<bson::Element> filter = Find(element.AsDocument(), "filter");
  if (!collection.has_value()) return Mistake(kCollection, "is missing");
  if (!filter.has_value()) return Mistake(kFilter, "is missing");
  SHARDTAIL_ASSIGN_OR_RETURN(base::Regex pattern, PatternIn(*collection, kCollection));
  SHARDTAIL_ASSIGN_OR_RETURN(bson::Document query, DocumentIn(*filter, kFilter));
  return Condition{std::move(pattern), std::move(query)};
}

absl::Status ReadConditions(bson::View data, Signal* signal) {
  const std::optional<bson::Element> conditions = Find(data, "additional-conditions");
  if (conditions.has_value()) {
    if (conditions->type != bson::Type::kArray) {
      return Mistake("data.additional-conditions", "must be an array of documents");
    }
    bson::Reader reader(conditions->AsDocument());
    bson::Element element;
    while (reader.Next(&element)) {
      SHARDTAIL_ASSIGN_OR_RETURN(Condition condition, ReadCondition(element));
      signal->conditions.push_back(std::move(condition));
    }
    if (reader.corrupt()) return Mistake("data.additional-conditions", "is not well-formed BSON");
  }
  // The name before 2.3: one for all collections.
  const std::optional<bson::Element> one = Find(data, "additional-condition");
  if (one.has_value()) {
    constexpr std::string_view kField = "data.additional-condition";
    SHARDTAIL_ASSIGN_OR_RETURN(bson::Document query, DocumentIn(*one, kField));
    SHARDTAIL_ASSIGN_OR_RETURN(base::Regex all, base::Regex::Create(".*", /*ignore_case=*/true));
    signal->conditions.push_back(Condition{std::move(all), std::move(query)});
  }
  return absl::OkStatus();
}

// The three parts of a signal, those that are there.
struct Parts {
  std::optional<bson::Element> id, type, data;
};

Parts PartsOf(bson::View document) {
  Parts parts{
      .id = Find(document, "id"), .type = Find(document, "type"), .data = Find(document, "data")};
  if (!parts.id.has_value()) parts.id = Find(document, "_id");
  if (parts.type.has_value() && parts.data.has_value()) return parts;
  std::vector<bson::Element> fields;
  bson::Reader reader(document);
  for (bson::Element element; reader.Next(&element);) fields.push_back(element);
  if (fields.size() == 3) parts = {.id = fields[0], .type = fields[1], .data = fields[2]};
  return parts;
}

std::string TextOf(const std::optional<bson::Element>& id) {
  if (!id.has_value()) return {};
  if (const auto text = id->GetString()) return std::string(*text);
  bson::Builder alone;
  alone.Value("_id", *id);
  return bson::ToDebugString(alone.view());
}

}  // namespace

std::string_view NameOf(Action action) {
  for (const ActionName& known : kActions) {
    if (known.action == action) return known.name;
  }
  return "";
}

absl::StatusOr<Signal> ParseSignal(bson::View document) {
  Signal signal;
  signal.document = bson::Document(document);
  const Parts parts = PartsOf(document);
  const std::optional<std::string_view> name =
      parts.type.has_value() ? parts.type->GetString() : std::nullopt;
  if (!name.has_value()) {
    return Mistake("type",
                   "is missing; give one of execute-snapshot, stop-snapshot, "
                   "pause-snapshot, resume-snapshot, log");
  }
  const auto* const known =
      std::find_if(std::begin(kActions), std::end(kActions),
                   [&](const ActionName& action) { return action.name == *name; });
  if (known == std::end(kActions)) {
    return absl::UnimplementedError(
        fmt::format("type: '{}' is not one of execute-snapshot, stop-snapshot, pause-snapshot, "
                    "resume-snapshot, log",
                    *name));
  }
  signal.action = known->action;
  signal.id = TextOf(parts.id);
  bson::Document data;
  if (parts.data.has_value() && !IsNull(*parts.data)) {
    SHARDTAIL_ASSIGN_OR_RETURN(data, DocumentIn(*parts.data, "data"));
  }
  switch (signal.action) {
    case Action::kExecuteSnapshot:
      SHARDTAIL_RETURN_IF_ERROR(ReadConditions(data, &signal));
      [[fallthrough]];
    case Action::kStopSnapshot:
      SHARDTAIL_RETURN_IF_ERROR(ReadType(data, &signal));
      SHARDTAIL_RETURN_IF_ERROR(ReadCollections(data, &signal));
      break;
    case Action::kPauseSnapshot:
    case Action::kResumeSnapshot:
      break;
    case Action::kLog: {
      const std::optional<bson::Element> message = Find(data, "message");
      if (!message.has_value() || !message->GetString().has_value()) {
        return Mistake("data.message", "is missing; give the text to log");
      }
      signal.message = *message->GetString();
      break;
    }
  }
  return signal;
}

absl::StatusOr<Signal> ParseSignal(std::string_view json) {
  const std::string_view text = Trimmed(json);
  if (!text.starts_with('{')) {
    return absl::InvalidArgumentError("is not a JSON document {\"type\": …, \"data\": {…}}");
  }
  const absl::StatusOr<bson::Document> document = bson::FromJson(text);
  if (!document.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("is not JSON: {}", std::string(document.status().message())));
  }
  return ParseSignal(document->view());
}

}  // namespace shardtail::signals
