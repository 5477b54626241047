#include "offsets/connect_format.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <limits>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "event/session.h"

namespace shardtail::offsets {
namespace {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

// Iterative: what is stored may be anything, also JSON that is nested a million times.
constexpr unsigned kParseFlags =
    rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;

// Debezium's: how many events of a collection the current transaction has had.
constexpr std::string_view kCountPrefix = "transaction_data_collection_order_";

// In the key of a snapshot's progress, and in no other.
constexpr char kCollection[] = "collection";

void WriteString(std::string_view text, JsonWriter* json) {
  json->String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

std::string_view TextOf(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

std::string_view TextOf(const rapidjson::StringBuffer& buffer) {
  return {buffer.GetString(), buffer.GetSize()};
}

// As Java sees 32 bits.
int32_t ToJavaInt(uint32_t bits) { return static_cast<int32_t>(bits); }

absl::Status Wrong(std::string_view field, std::string_view what) {
  return absl::FailedPreconditionError(fmt::format("\"{}\" {}", field, what));
}

absl::StatusOr<uint32_t> Unsigned32(const rapidjson::Value& json, const char* field) {
  const auto found = json.FindMember(field);
  if (found == json.MemberEnd()) return Wrong(field, "is missing");
  if (!found->value.IsInt64()) return Wrong(field, "is not a whole number");
  const int64_t number = found->value.GetInt64();
  if (number < std::numeric_limits<int32_t>::min() ||
      number > std::numeric_limits<uint32_t>::max()) {
    return Wrong(field, "is out of range");
  }
  return static_cast<uint32_t>(number);
}

// nullptr when the field is absent or null.
const rapidjson::Value* Optional(const rapidjson::Value& json, const char* field) {
  const auto found = json.FindMember(field);
  return found == json.MemberEnd() || found->value.IsNull() ? nullptr : &found->value;
}

absl::StatusOr<std::shared_ptr<const TransactionCounts>> ReadCounts(const rapidjson::Value& json,
                                                                    const rapidjson::Value& id) {
  if (!id.IsString()) return Wrong("transaction_id", "is not a string");
  auto counts = std::make_shared<TransactionCounts>();
  counts->id = TextOf(id);
  if (!base::IsUtf8(counts->id)) return Wrong("transaction_id", "holds half a surrogate pair");
  for (const auto& field : json.GetObject()) {
    const std::string_view name = TextOf(field.name);
    if (!name.starts_with(kCountPrefix)) continue;
    if (!field.value.IsInt64() || field.value.GetInt64() < 0) return Wrong(name, "is no count");
    if (!base::IsUtf8(name)) return Wrong(kCountPrefix, "goes on with half a surrogate pair");
    counts->collections.emplace_back(name.substr(kCountPrefix.size()), field.value.GetInt64());
  }
  return std::shared_ptr<const TransactionCounts>(std::move(counts));
}

// The replica set of a key of this connector, written in Connect's form or not.
std::optional<std::string> ReplicaSetOf(std::string_view key, std::string_view connector_name,
                                        std::string_view logical_name) {
  rapidjson::Document json;
  json.Parse<kParseFlags>(key.data(), key.size());
  if (json.HasParseError() || !json.IsArray() || json.Size() != 2) return std::nullopt;
  if (!json[0].IsString() || TextOf(json[0]) != connector_name) return std::nullopt;
  if (!json[1].IsObject() || json[1].HasMember(kCollection)) return std::nullopt;
  const rapidjson::Value* const server_id = Optional(json[1], "server_id");
  const rapidjson::Value* const replica_set = Optional(json[1], "rs");
  if (server_id == nullptr || !server_id->IsString() || TextOf(*server_id) != logical_name) {
    return std::nullopt;
  }
  if (replica_set == nullptr || !replica_set->IsString()) return std::nullopt;
  return std::string(TextOf(*replica_set));
}

}  // namespace

std::string EncodeKey(std::string_view connector_name, std::string_view logical_name,
                      std::string_view replica_set) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartArray();
  WriteString(connector_name, &json);
  json.StartObject();
  json.Key("rs");
  WriteString(replica_set, &json);
  json.Key("server_id");
  WriteString(logical_name, &json);
  json.EndObject();
  json.EndArray();
  return std::string(TextOf(buffer));
}

std::string EncodeProgressKey(std::string_view connector_name, std::string_view logical_name,
                              std::string_view replica_set, std::string_view collection) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartArray();
  WriteString(connector_name, &json);
  json.StartObject();
  json.Key(kCollection);
  WriteString(collection, &json);
  json.Key("rs");
  WriteString(replica_set, &json);
  json.Key("server_id");
  WriteString(logical_name, &json);
  json.EndObject();
  json.EndArray();
  return std::string(TextOf(buffer));
}

std::optional<std::string> DecodeProgressKey(std::string_view key, std::string_view connector_name,
                                             std::string_view logical_name,
                                             std::string_view replica_set) {
  rapidjson::Document parsed;
  parsed.Parse<kParseFlags>(key.data(), key.size());
  if (parsed.HasParseError() || !parsed.IsArray() || parsed.Size() != 2 || !parsed[1].IsObject()) {
    return std::nullopt;
  }
  const rapidjson::Value* const found = Optional(parsed[1], kCollection);
  if (found == nullptr || !found->IsString()) return std::nullopt;
  std::string collection(TextOf(*found));
  if (EncodeProgressKey(connector_name, logical_name, replica_set, collection) != key) {
    return std::nullopt;
  }
  return collection;
}

std::string EncodeValue(const StoredOffset& offset) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("sec");
  json.Int(ToJavaInt(offset.position.ts.seconds));
  json.Key("ord");
  json.Int(ToJavaInt(offset.position.ts.increment));
  json.Key("transaction_id");
  offset.transaction != nullptr ? WriteString(offset.transaction->id, &json)
                                : static_cast<void>(json.Null());
  if (offset.initsync) {
    json.Key("initsync");
    json.Bool(true);
  }
  json.Key("h");
  offset.h.has_value() ? json.Int64(*offset.h) : json.Null();
  json.Key("stxnid");
  offset.session.present ? WriteString(event::ToStxnid(offset.session), &json)
                         : static_cast<void>(json.Null());
  if (offset.position.index > 0) {
    json.Key("tord");
    json.Int64(offset.position.index);
  }
  if (offset.transaction != nullptr) {
    for (const auto& [collection, count] : offset.transaction->collections) {
      WriteString(fmt::format("{}{}", kCountPrefix, collection), &json);
      json.Int64(count);
    }
  }
  if (offset.inside.has_value()) {
    json.Key("commit_sec");
    json.Int(ToJavaInt(offset.inside->ts.seconds));
    json.Key("commit_ord");
    json.Int(ToJavaInt(offset.inside->ts.increment));
    json.Key("commit_tord");
    json.Int64(offset.inside->index);
  }
  if (offset.waited != bson::Timestamp()) {
    json.Key("waited_sec");
    json.Int(ToJavaInt(offset.waited.seconds));
    json.Key("waited_ord");
    json.Int(ToJavaInt(offset.waited.increment));
  }
  if (offset.copy != 0) {
    json.Key("copy_id");
    json.Int64(offset.copy);
  }
  if (offset.settled) {
    json.Key("moves_settled");
    json.Bool(true);
  }
  json.EndObject();
  return std::string(TextOf(buffer));
}

absl::StatusOr<StoredOffset> DecodeValue(std::string_view text) {
  rapidjson::Document json;
  json.Parse<kParseFlags>(text.data(), text.size());
  if (json.HasParseError()) {
    return absl::FailedPreconditionError(
        fmt::format("is no JSON: at character {}: {}", json.GetErrorOffset() + 1,
                    rapidjson::GetParseError_En(json.GetParseError())));
  }
  if (!json.IsObject()) return absl::FailedPreconditionError("is no JSON object");
  StoredOffset offset;
  SHARDTAIL_ASSIGN_OR_RETURN(offset.position.ts.seconds, Unsigned32(json, "sec"));
  SHARDTAIL_ASSIGN_OR_RETURN(offset.position.ts.increment, Unsigned32(json, "ord"));
  if (const auto* tord = Optional(json, "tord"); tord != nullptr) {
    if (!tord->IsInt64()) return Wrong("tord", "is not a whole number");
    if (tord->GetInt64() < 0) return Wrong("tord", "is negative");
    offset.position.index = tord->GetInt64();
  }
  if (const auto* initsync = Optional(json, "initsync"); initsync != nullptr) {
    if (!initsync->IsBool()) return Wrong("initsync", "is neither true nor false");
    offset.initsync = initsync->GetBool();
  }
  if (const auto* copy = Optional(json, "copy_id"); copy != nullptr) {
    if (!copy->IsInt64()) return Wrong("copy_id", "is not a whole number");
    offset.copy = copy->GetInt64();
  }
  if (Optional(json, "waited_sec") != nullptr) {
    SHARDTAIL_ASSIGN_OR_RETURN(offset.waited.seconds, Unsigned32(json, "waited_sec"));
    SHARDTAIL_ASSIGN_OR_RETURN(offset.waited.increment, Unsigned32(json, "waited_ord"));
  }
  if (const auto* settled = Optional(json, "moves_settled"); settled != nullptr) {
    if (!settled->IsBool()) return Wrong("moves_settled", "is neither true nor false");
    offset.settled = settled->GetBool();
  }
  if (const auto* h = Optional(json, "h"); h != nullptr) {
    if (!h->IsInt64()) return Wrong("h", "is not a whole number");
    offset.h = h->GetInt64();
  }
  if (const auto* stxnid = Optional(json, "stxnid"); stxnid != nullptr) {
    if (!stxnid->IsString()) return Wrong("stxnid", "is not a string");
    // Of another form it is of no use, and none is needed to go on.
    offset.session = event::FromStxnid(TextOf(*stxnid));
  }
  if (const auto* id = Optional(json, "transaction_id"); id != nullptr) {
    SHARDTAIL_ASSIGN_OR_RETURN(offset.transaction, ReadCounts(json, *id));
  }
  if (const auto* tord = Optional(json, "commit_tord"); tord != nullptr) {
    if (!tord->IsInt64() || tord->GetInt64() < 1)
      return Wrong("commit_tord", "is no number from 1");
    event::Position inside;
    SHARDTAIL_ASSIGN_OR_RETURN(inside.ts.seconds, Unsigned32(json, "commit_sec"));
    SHARDTAIL_ASSIGN_OR_RETURN(inside.ts.increment, Unsigned32(json, "commit_ord"));
    inside.index = tord->GetInt64();
    offset.inside = inside;
  }
  return offset;
}

ConnectorOffsets::ConnectorOffsets(std::string connector_name, std::string logical_name,
                                   std::string place)
    : connector_name_(std::move(connector_name)),
      logical_name_(std::move(logical_name)),
      place_(std::move(place)) {}

void ConnectorOffsets::Add(std::string_view key, std::optional<std::string_view> value) {
  const std::optional<std::string> replica_set = ReplicaSetOf(key, connector_name_, logical_name_);
  if (!replica_set.has_value()) return;
  if (EncodeKey(connector_name_, logical_name_, *replica_set) != key) {
    base::LogWarn(
        "{} has an offset under the key {}: it is not read, for Kafka Connect, which writes it as "
        "{}, would not find it either",
        place_, key, EncodeKey(connector_name_, logical_name_, *replica_set));
    return;
  }
  if (value.has_value()) {
    values_[*replica_set] = std::string(*value);
  } else {
    values_.erase(*replica_set);
  }
}

absl::StatusOr<std::map<std::string, StoredOffset>> ConnectorOffsets::Decode() const {
  std::map<std::string, StoredOffset> offsets;
  for (const auto& [replica_set, value] : values_) {
    const absl::StatusOr<StoredOffset> offset = DecodeValue(value);
    if (!offset.ok()) {
      return absl::FailedPreconditionError(fmt::format(
          "the offset of replica set {} in {} cannot be understood: {}, in {}. Set it with "
          "`shardtail offsets set`, or remove it with `shardtail offsets delete` to begin with a "
          "snapshot",
          replica_set, place_, std::string(offset.status().message()), value));
    }
    offsets[replica_set] = *offset;
  }
  return offsets;
}

}  // namespace shardtail::offsets
