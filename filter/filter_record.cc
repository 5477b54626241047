#include "filter/filter_record.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <utility>
#include <vector>

#include "base/status_macros.h"

namespace shardtail::filter {
namespace {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;
using Patterns = std::vector<base::Regex>;

constexpr int kVersion = 1;

struct List {
  const char* name;
  Patterns Options::*patterns;
};

constexpr List kLists[] = {
    {"database_include", &Options::database_include},
    {"database_exclude", &Options::database_exclude},
    {"collection_include", &Options::collection_include},
    {"collection_exclude", &Options::collection_exclude},
};

absl::Status Wrong(const std::string& what) { return absl::FailedPreconditionError(what); }

}  // namespace

std::string EncodeFilterRecord(const Options& options) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("version");
  json.Int(kVersion);
  for (const List& list : kLists) {
    const Patterns& patterns = options.*list.patterns;
    if (patterns.empty()) continue;
    json.Key(list.name);
    json.StartArray();
    for (const base::Regex& pattern : patterns) {
      json.String(pattern.pattern().data(),
                  static_cast<rapidjson::SizeType>(pattern.pattern().size()));
    }
    json.EndArray();
  }
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

absl::StatusOr<Options> DecodeFilterRecord(std::string_view text) {
  rapidjson::Document parsed;
  parsed.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  const rapidjson::Value& json = parsed;
  if (parsed.HasParseError() || !json.IsObject()) return Wrong("is no JSON object");
  const auto version = json.FindMember("version");
  if (version == json.MemberEnd() || !version->value.IsInt() ||
      version->value.GetInt() != kVersion) {
    return Wrong(fmt::format("\"version\" is not {}: another release wrote it", kVersion));
  }
  Options options;
  for (const List& list : kLists) {
    const auto found = json.FindMember(list.name);
    if (found == json.MemberEnd()) continue;
    if (!found->value.IsArray()) return Wrong(fmt::format("\"{}\" is no array", list.name));
    for (const rapidjson::Value& pattern : found->value.GetArray()) {
      if (!pattern.IsString()) return Wrong(fmt::format("\"{}\" holds no string", list.name));
      absl::StatusOr<base::Regex> regex = base::Regex::Create(
          {pattern.GetString(), pattern.GetStringLength()}, /*ignore_case=*/true);
      if (!regex.ok()) {
        return Wrong(fmt::format("\"{}\": {}", list.name, std::string(regex.status().message())));
      }
      (options.*list.patterns).push_back(*std::move(regex));
    }
  }
  return options;
}

}  // namespace shardtail::filter
