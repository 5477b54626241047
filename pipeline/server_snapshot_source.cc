#include "pipeline/server_snapshot_source.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/status_macros.h"
#include "snapshot/collection_description.h"
#include "snapshot/collection_list.h"
#include "tailer/oplog_window.h"

namespace shardtail::pipeline {
namespace {

// The first that reads at a time outside a transaction.
constexpr int kWireVersion50 = 13;

// What one read holds in memory.
constexpr int64_t kChunkBytes = 2 << 20;
constexpr int32_t kBatchDocuments = 8000;
constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

// A collection is cut so that all workers have something to do to its end.
constexpr int64_t kPartBytes = 4 << 20;
constexpr int32_t kPartsPerWorker = 8;

// With a limit a read takes no more than is allowed in this part of a second.
constexpr int64_t kReadsPerSecond = 8;

int64_t Share(int64_t per_second, int64_t most) {
  return per_second == 0 ? most : std::clamp<int64_t>(per_second / kReadsPerSecond, 1, most);
}

snapshot::ChunkReader::Options ReadOptions(const Options& options, int max_wire_version) {
  snapshot::ChunkReader::Options read{
      .max_bytes = Share(options.snapshot_bytes_per_second, kChunkBytes),
      .max_documents = Share(options.snapshot_documents_per_second, kUnlimited),
      .in_transaction = max_wire_version < kWireVersion50};
  const int64_t wanted =
      options.snapshot_fetch_size > 0 ? options.snapshot_fetch_size : kBatchDocuments;
  read.batch_size = static_cast<int32_t>(std::min(wanted, read.max_documents));
  if (options.shard) read.unsharded = snapshot::UnshardedVersion(max_wire_version);
  return read;
}

SnapshotSource::Documents ToDocuments(std::vector<mongo::Batch> batches) {
  SnapshotSource::Documents documents;
  for (const mongo::Batch& batch : batches) {
    documents.bytes += static_cast<int64_t>(batch.reply.view().size());
    documents.documents.insert(documents.documents.end(), batch.documents.begin(),
                               batch.documents.end());
  }
  documents.owner = std::make_shared<std::vector<mongo::Batch>>(std::move(batches));
  return documents;
}

}  // namespace

ServerSnapshotSource::ServerSnapshotSource(std::unique_ptr<mongo::Client> client,
                                           const Options& options, int max_wire_version)
    : client_(std::move(client)),
      options_(options),
      max_wire_version_(max_wire_version),
      reader_(*client_, ReadOptions(options, max_wire_version)) {}

absl::StatusOr<tailer::OplogPoint> ServerSnapshotSource::Latest() {
  return tailer::LatestEntry(*client_);
}

absl::StatusOr<std::vector<SnapshotSource::Collection>> ServerSnapshotSource::List(
    absl::FunctionRef<absl::StatusOr<bool>(const event::Namespace&)> captures) {
  SHARDTAIL_ASSIGN_OR_RETURN(std::vector<snapshot::ListedCollection> listed,
                             snapshot::DescribeCollections(*client_, captures));
  std::vector<Collection> collections;
  collections.reserve(listed.size());
  for (snapshot::ListedCollection& collection : listed) {
    collections.push_back({.uuid = collection.description.uuid,
                           .ns = std::move(collection.ns),
                           .capped = collection.description.capped,
                           .simple_collation = collection.description.simple_collation});
  }
  return collections;
}

absl::StatusOr<bool> ServerSnapshotSource::Describe(Collection* collection) {
  SHARDTAIL_ASSIGN_OR_RETURN(
      const auto description,
      snapshot::DescribeCollection(*client_, *event::Namespace::Parse(collection->ns),
                                   collection->uuid));
  if (!description.has_value()) return false;
  collection->capped = description->capped;
  collection->simple_collation = description->simple_collation;
  collection->described = true;
  return true;
}

absl::StatusOr<std::optional<int64_t>> ServerSnapshotSource::Estimate(
    const Collection& collection) {
  if (!QueryOf(collection).view().empty()) return std::nullopt;
  const event::Namespace ns = *event::Namespace::Parse(collection.ns);
  // Without a query it is the server's own counter.
  bson::Builder command;
  command.String("count", ns.collection());
  const absl::StatusOr<mongo::Reply> reply = client_->Run(ns.database(), command.view());
  if (absl::IsPermissionDenied(reply.status())) return std::nullopt;
  SHARDTAIL_RETURN_IF_ERROR(reply.status());
  const auto count = reply->view().Find("n");
  return count.has_value() ? count->GetInteger() : std::nullopt;
}

bson::Document ServerSnapshotSource::QueryOf(const Collection& collection) const {
  if (!collection.query.view().empty()) return collection.query;
  const auto query = options_.snapshot_queries.find(collection.ns);
  return query == options_.snapshot_queries.end() ? bson::Document() : query->second;
}

absl::StatusOr<std::vector<snapshot::IdBound>> ServerSnapshotSource::PlanBounds(
    const Collection& collection) {
  return snapshot::PlanBounds(*client_, *event::Namespace::Parse(collection.ns),
                              {.uuid = collection.uuid,
                               .capped = collection.capped,
                               .simple_collation = collection.simple_collation},
                              kPartBytes, options_.snapshot_threads * kPartsPerWorker);
}

absl::StatusOr<std::optional<SnapshotSource::Documents>> ServerSnapshotSource::Read(
    const snapshot::Chunk& chunk, const Collection& collection, const OnPart& on_part) {
  const bool exact = !collection.capped || max_wire_version_ < kWireVersion50;
  snapshot::ChunkReader::Manner manner{.simple_collation = collection.simple_collation,
                                       .at_exact_time = exact && !collection.in_parts,
                                       .query = QueryOf(collection),
                                       .on_part = nullptr};
  if (collection.in_parts) {
    manner.on_part = [&on_part](std::vector<mongo::Batch> part) {
      return on_part(ToDocuments(std::move(part)));
    };
  }
  SHARDTAIL_ASSIGN_OR_RETURN(auto read, reader_.Read(chunk, manner));
  if (!read.has_value()) return std::nullopt;
  Documents documents = ToDocuments(std::move(read->batches));
  documents.end = std::move(read->end);
  documents.checked = read->checked;
  documents.without_bound = read->without_bound;
  return documents;
}

}  // namespace shardtail::pipeline
