#include "config/connect_json.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <algorithm>
#include <string>

namespace shardtail::config {
namespace {

// Numbers as written: 9007199254740993 stays what it is.
constexpr unsigned kParseFlags = rapidjson::kParseNumbersAsStringsFlag |
                                 rapidjson::kParseValidateEncodingFlag |
                                 rapidjson::kParseIterativeFlag;

std::string_view ToView(const rapidjson::Value& text) {
  return {text.GetString(), text.GetStringLength()};
}

std::string_view TypeName(const rapidjson::Value& value) {
  if (value.IsArray()) return "an array";
  return value.IsObject() ? "an object" : "null";
}

absl::Status SyntaxError(std::string_view text, const rapidjson::Document& document) {
  const std::string_view before = text.substr(0, document.GetErrorOffset());
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 == 0
  return absl::InvalidArgumentError(fmt::format("line {}, column {}: {}", line,
                                                before.size() - line_begin + 1,
                                                GetParseError_En(document.GetParseError())));
}

void AddMistake(std::string_view mistake, std::string* mistakes) {
  *mistakes += fmt::format("{}{}", mistakes->empty() ? "" : "\n", mistake);
}

void AddProperties(const rapidjson::Value& object, RawProperties* properties,
                   std::string* mistakes) {
  for (const auto& [name, value] : object.GetObject()) {
    const std::string key(ToView(name));
    if (value.IsString()) {
      (*properties)[key] = ToView(value);
    } else if (value.IsBool()) {
      (*properties)[key] = value.GetBool() ? "true" : "false";
    } else {
      AddMistake(
          fmt::format("{}: is {}; give a string, a number or a boolean", key, TypeName(value)),
          mistakes);
    }
  }
}

// The outer object of `{"name": …, "config": {…}}`. The rest of what Connect answers is no
// configuration.
void AddOuter(const rapidjson::Value& object, RawProperties* properties, std::string* mistakes) {
  for (const auto& [name, value] : object.GetObject()) {
    const std::string_view key = ToView(name);
    if (key == "config" || key == "tasks" || key == "type") continue;
    if (key != "name") {
      AddMistake(fmt::format("{}: is not known beside name and config", key), mistakes);
    } else if (!value.IsString()) {
      AddMistake("name: is not a string", mistakes);
    } else {
      const auto [inner, is_new] = properties->emplace("name", ToView(value));
      if (!is_new && inner->second != ToView(value)) {
        AddMistake(fmt::format("name: is '{}' beside config and '{}' in it; give one",
                               ToView(value), inner->second),
                   mistakes);
      }
    }
  }
}

}  // namespace

absl::StatusOr<RawProperties> ParseConnectJson(std::string_view text) {
  rapidjson::Document document;
  document.Parse<kParseFlags>(text.data(), text.size());
  if (document.HasParseError()) return SyntaxError(text, document);
  if (!document.IsObject()) {
    return absl::InvalidArgumentError("is not a JSON object of properties");
  }
  RawProperties properties;
  std::string mistakes;
  if (!document.HasMember("config")) {
    AddProperties(document, &properties, &mistakes);
  } else if (document["config"].IsObject()) {
    AddProperties(document["config"], &properties, &mistakes);
    AddOuter(document, &properties, &mistakes);
  } else {
    AddMistake("config: is not an object of properties", &mistakes);
  }
  if (!mistakes.empty()) return absl::InvalidArgumentError(mistakes);
  return properties;
}

}  // namespace shardtail::config
