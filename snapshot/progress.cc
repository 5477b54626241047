#include "snapshot/progress.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "base/status_macros.h"
#include "base/utf8.h"

namespace shardtail::snapshot {
namespace {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr int kVersion = 1;

constexpr std::string_view kLateName = "late";
constexpr std::string_view kAgainName = "again";
constexpr std::string_view kMovedName = "moved";

std::string_view NameOf(CopyKind kind) {
  if (kind == CopyKind::kLate) return kLateName;
  return kind == CopyKind::kAgain ? kAgainName : kMovedName;
}

// Iterative: what is stored may be anything, also JSON that is nested a million times.
constexpr unsigned kParseFlags =
    rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;

void WriteString(std::string_view text, JsonWriter* json) {
  json->String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void WriteBound(const char* name, const IdBound& bound, JsonWriter* json) {
  if (IsOpen(bound)) return;
  json->Key(name);
  WriteString(absl::Base64Escape(std::string(bound.view().bytes())), json);
}

absl::Status Wrong(const std::string& what) { return absl::FailedPreconditionError(what); }

// A BSON document in base64; nullopt where there is none.
absl::StatusOr<std::optional<std::string>> ReadBson(const rapidjson::Value& json,
                                                    const char* name) {
  const auto found = json.FindMember(name);
  if (found == json.MemberEnd()) return std::nullopt;
  std::string bytes;
  if (!found->value.IsString() ||
      !absl::Base64Unescape({found->value.GetString(), found->value.GetStringLength()}, &bytes)) {
    return Wrong(fmt::format("\"{}\" is not base64", name));
  }
  const auto view = bson::View::Create(bytes);
  if (!view.ok() || view->size() != bytes.size() || !bson::Validate(*view).ok()) {
    return Wrong(fmt::format("\"{}\" is no BSON document", name));
  }
  return bytes;
}

absl::StatusOr<IdBound> ReadBound(const rapidjson::Value& range, const char* name) {
  SHARDTAIL_ASSIGN_OR_RETURN(std::optional<std::string> bytes, ReadBson(range, name));
  if (!bytes.has_value()) return IdBound();
  SHARDTAIL_ASSIGN_OR_RETURN(const bson::View view, bson::View::Create(*bytes));
  bson::Reader reader(view);
  bson::Element id;
  bson::Element more;
  if (!reader.Next(&id) || id.name != "_id" || reader.Next(&more)) {
    return Wrong(fmt::format("\"{}\" is not a document of an _id alone", name));
  }
  return IdBound(*std::move(bytes));
}

absl::StatusOr<CopyKind> ReadKind(const rapidjson::Value& json) {
  const auto found = json.FindMember("kind");
  if (found == json.MemberEnd()) return CopyKind::kInitial;
  const std::string_view name = found->value.IsString() ? found->value.GetString() : "";
  if (name == kLateName) return CopyKind::kLate;
  if (name == kAgainName) return CopyKind::kAgain;
  if (name == kMovedName) return CopyKind::kMoved;
  return Wrong(fmt::format("\"kind\" is not {}, {} or {}", kLateName, kAgainName, kMovedName));
}

absl::StatusOr<bson::Timestamp> ReadTime(const rapidjson::Value& range) {
  const auto at = range.FindMember("at");
  if (at == range.MemberEnd() || !at->value.IsArray() || at->value.Size() != 2 ||
      !at->value[0].IsUint() || !at->value[1].IsUint()) {
    return Wrong("\"at\" is not a pair of whole numbers from 0 to 4294967295");
  }
  return bson::Timestamp{at->value[0].GetUint(), at->value[1].GetUint()};
}

absl::StatusOr<CopiedRange> ReadRange(const rapidjson::Value& json) {
  if (!json.IsObject()) return Wrong("is no JSON object");
  CopiedRange copied;
  SHARDTAIL_ASSIGN_OR_RETURN(copied.range.min, ReadBound(json, "min"));
  SHARDTAIL_ASSIGN_OR_RETURN(copied.range.max, ReadBound(json, "max"));
  SHARDTAIL_ASSIGN_OR_RETURN(copied.at, ReadTime(json));
  if (IsEmpty(copied.range)) return Wrong("ends before it begins");
  return copied;
}

// Whether `next` begins where `previous` has ended, or later.
bool Follows(const IdRange& previous, const IdRange& next) {
  return EndsBefore(previous.max, next.min) || Touch(previous.max, next.min);
}

}  // namespace

bool CollectionProgress::complete() const {
  return copied.size() == 1 && IsOpen(copied[0].range.min) && IsOpen(copied[0].range.max);
}

std::string EncodeProgress(const CollectionProgress& progress) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("version");
  json.Int(kVersion);
  json.Key("ns");
  WriteString(progress.ns, &json);
  json.Key("copied");
  json.StartArray();
  for (const CopiedRange& copied : progress.copied) {
    json.StartObject();
    WriteBound("min", copied.range.min, &json);
    WriteBound("max", copied.range.max, &json);
    json.Key("at");
    json.StartArray();
    json.Uint(copied.at.seconds);
    json.Uint(copied.at.increment);
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  if (progress.kind != CopyKind::kInitial) {
    json.Key("kind");
    WriteString(NameOf(progress.kind), &json);
  }
  if (!progress.query.view().empty()) {
    json.Key("query");
    WriteString(absl::Base64Escape(std::string(progress.query.view().bytes())), &json);
  }
  if (!progress.signal.empty()) {
    json.Key("signal");
    WriteString(progress.signal, &json);
  }
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

absl::StatusOr<CollectionProgress> DecodeProgress(std::string_view text) {
  rapidjson::Document parsed;
  parsed.Parse<kParseFlags>(text.data(), text.size());
  if (parsed.HasParseError()) {
    return Wrong(fmt::format("is no JSON: at character {}: {}", parsed.GetErrorOffset() + 1,
                             rapidjson::GetParseError_En(parsed.GetParseError())));
  }
  const rapidjson::Value& json = parsed;
  if (!json.IsObject()) return Wrong("is no JSON object");
  const auto version = json.FindMember("version");
  if (version == json.MemberEnd() || !version->value.IsInt() ||
      version->value.GetInt() != kVersion) {
    return Wrong(fmt::format("\"version\" is not {}: another release wrote it", kVersion));
  }
  CollectionProgress progress;
  const auto ns = json.FindMember("ns");
  if (ns == json.MemberEnd() || !ns->value.IsString()) return Wrong("\"ns\" is not a string");
  progress.ns = {ns->value.GetString(), ns->value.GetStringLength()};
  if (!base::IsUtf8(progress.ns)) return Wrong("\"ns\" holds half a surrogate pair");
  const auto copied = json.FindMember("copied");
  if (copied == json.MemberEnd() || !copied->value.IsArray()) {
    return Wrong("\"copied\" is not an array");
  }
  for (const rapidjson::Value& element : copied->value.GetArray()) {
    const size_t number = progress.copied.size() + 1;
    absl::StatusOr<CopiedRange> range = ReadRange(element);
    if (!range.ok()) {
      return Wrong(fmt::format("range {}: {}", number, std::string(range.status().message())));
    }
    if (!progress.copied.empty() && !Follows(progress.copied.back().range, range->range)) {
      return Wrong(fmt::format("range {} begins before the one in front of it ends", number));
    }
    progress.copied.push_back(*std::move(range));
  }
  SHARDTAIL_ASSIGN_OR_RETURN(progress.kind, ReadKind(json));
  SHARDTAIL_ASSIGN_OR_RETURN(auto query, ReadBson(json, "query"));
  if (query.has_value()) progress.query = bson::Document(*std::move(query));
  const auto signal = json.FindMember("signal");
  if (signal != json.MemberEnd()) {
    if (!signal->value.IsString()) return Wrong("\"signal\" is not a string");
    progress.signal = {signal->value.GetString(), signal->value.GetStringLength()};
    if (!base::IsUtf8(progress.signal)) return Wrong("\"signal\" holds half a surrogate pair");
  }
  return progress;
}

std::string ToString(const CollectionUuid& uuid) {
  std::string text = absl::BytesToHexString(std::string(uuid.begin(), uuid.end()));
  for (const size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

std::optional<CollectionUuid> ParseUuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string hex;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (dash) continue;
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(text[i]))) return std::nullopt;
    hex += text[i];
  }
  const std::string bytes = absl::HexStringToBytes(hex);
  CollectionUuid uuid;
  std::ranges::copy(bytes, uuid.begin());
  return uuid;
}

}  // namespace shardtail::snapshot
