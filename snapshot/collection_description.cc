#include "snapshot/collection_description.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "mongo/cursor.h"

namespace shardtail::snapshot {
namespace {

// More for each part makes the parts more even: of ten, most are within a third of the mean.
constexpr int32_t kSamplesForAPart = 10;

// A boundary is stored with the progress. An `_id` may be as large as a document.
constexpr uint32_t kMaxBoundBytes = 1024;

std::optional<bson::Element> FindIn(const std::optional<bson::Element>& document,
                                    std::string_view name) {
  if (!document.has_value() || !document->GetDocument().has_value()) return std::nullopt;
  return document->GetDocument()->Find(name);
}

std::optional<CollectionUuid> UuidOf(bson::View listed) {
  const auto uuid = FindIn(listed.Find("info"), "uuid");
  if (!uuid.has_value() || uuid->type != bson::Type::kBinary || uuid->BinaryData().size() != 16) {
    return std::nullopt;
  }
  CollectionUuid bytes;
  std::ranges::transform(uuid->BinaryData(), bytes.begin(),
                         [](char byte) { return static_cast<uint8_t>(byte); });
  return bytes;
}

// A command's integer field; 0 where there is none.
int64_t Counter(bson::View reply, std::string_view name) {
  const auto field = reply.Find(name);
  return field.has_value() ? field->GetInteger().value_or(0) : 0;
}

absl::StatusOr<std::vector<IdBound>> Sample(mongo::Client& client, const event::Namespace& ns,
                                            bool simple_collation, int32_t size) {
  bson::Builder command;
  command.String("aggregate", ns.collection()).OpenArray("pipeline");
  command.OpenDocument("0").OpenDocument("$sample").Int32("size", size).Close().Close();
  command.OpenDocument("1").OpenDocument("$project").Int32("_id", 1).Close().Close().Close();
  command.OpenDocument("cursor").Int32("batchSize", size).Close();
  mongo::Cursor cursor(client, std::string(ns.database()), command.Build(), {});
  std::vector<IdBound> sampled;
  while (!cursor.exhausted()) {
    SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Batch batch, cursor.Next());
    for (const bson::View document : batch.documents) {
      const auto id = document.Find("_id");
      if (id.has_value() && CanBeBound(*id, simple_collation)) sampled.push_back(MakeBound(*id));
    }
  }
  std::ranges::sort(sampled, LowerBoundLess());
  return sampled;
}

}  // namespace

bool CanBeBound(const bson::Element& id, bool simple_collation) {
  if (id.type == bson::Type::kMinKey || id.type == bson::Type::kMaxKey) return false;
  if (id.value_size > kMaxBoundBytes) return false;
  if (simple_collation) return true;
  return id.type != bson::Type::kString && id.type != bson::Type::kSymbol &&
         id.type != bson::Type::kDocument;
}

std::optional<CollectionDescription> ParseDescription(bson::View listed) {
  const auto uuid = UuidOf(listed);
  if (!uuid.has_value()) return std::nullopt;
  CollectionDescription description;
  description.uuid = *uuid;
  const auto options = listed.Find("options");
  const auto capped = FindIn(options, "capped");
  description.capped = capped.has_value() && capped->IsTrue();
  const auto locale = FindIn(FindIn(options, "collation"), "locale");
  description.simple_collation = !locale.has_value() || locale->GetString() == "simple";
  return description;
}

absl::StatusOr<std::optional<CollectionDescription>> DescribeCollection(
    mongo::Client& client, const event::Namespace& ns) {
  bson::Builder command;
  command.Int32("listCollections", 1);
  command.OpenDocument("filter").String("name", ns.collection()).Close();
  mongo::Cursor cursor(client, std::string(ns.database()), command.Build(), {});
  SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Batch batch, cursor.Next());
  if (batch.documents.empty()) return std::nullopt;
  auto description = ParseDescription(batch.documents.front());
  const auto now = mongo::ClusterTimeOf(batch.reply.view());
  if (description.has_value() && now.has_value()) description->at = now->time;
  return description;
}

absl::StatusOr<std::optional<CollectionDescription>> DescribeCollection(
    mongo::Client& client, const event::Namespace& ns, const CollectionUuid& uuid) {
  SHARDTAIL_ASSIGN_OR_RETURN(auto description, DescribeCollection(client, ns));
  if (description.has_value() && description->uuid != uuid) return std::nullopt;
  return description;
}

absl::StatusOr<std::vector<IdBound>> PlanBounds(mongo::Client& client, const event::Namespace& ns,
                                                const CollectionDescription& description,
                                                int64_t part_bytes, int32_t max_parts) {
  if (description.capped) return std::vector<IdBound>();
  bson::Builder stats;
  stats.String("collStats", ns.collection());
  const absl::StatusOr<mongo::Reply> told = client.Run(ns.database(), stats.view());
  if (absl::IsPermissionDenied(told.status())) return std::vector<IdBound>();
  SHARDTAIL_RETURN_IF_ERROR(told.status());
  const int64_t wanted = Counter(told->view(), "size") / std::max<int64_t>(part_bytes, 1);
  const auto parts = static_cast<int32_t>(std::min<int64_t>(wanted, max_parts));
  if (parts < 2) return std::vector<IdBound>();
  SHARDTAIL_ASSIGN_OR_RETURN(
      std::vector<IdBound> sampled,
      Sample(client, ns, description.simple_collation, parts * kSamplesForAPart));
  std::vector<IdBound> bounds;
  for (size_t i = kSamplesForAPart; i < sampled.size(); i += kSamplesForAPart) {
    if (bounds.empty() || LowerBoundLess()(bounds.back(), sampled[i])) {
      bounds.push_back(std::move(sampled[i]));
    }
  }
  return bounds;
}

}  // namespace shardtail::snapshot
