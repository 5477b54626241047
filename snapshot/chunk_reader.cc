#include "snapshot/chunk_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "snapshot/collection_description.h"

namespace shardtail::snapshot {
namespace {

// The server's codes: src/mongo/base/error_codes.yml in MongoDB's sources.
bool IsTimeGone(const absl::Status& status) {
  switch (mongo::ServerErrorCode(status)) {
    case 24:   // LockTimeout: something else holds the collection, an index build for one
    case 43:   // CursorNotFound
    case 112:  // WriteConflict
    case 175:  // QueryPlanKilled: the collection is gone
    case 237:  // CursorKilled
    case 239:  // SnapshotTooOld
    case 246:  // SnapshotUnavailable
    case 250:  // StaleChunkHistory: the shard no longer knows what it owned then
    case 251:  // NoSuchTransaction: it took too long
    case 290:  // TransactionExceededLifetimeLimitSeconds
      return true;
    default:
      return false;
  }
}

constexpr int kStaleConfig = 13388;

// So often another version is tried: the shard may have to ask the config server first.
constexpr int kMostVersions = 5;

// The first whose version of a collection holds a timestamp, and the first where it is a document.
constexpr int kWireVersion50 = 13;
constexpr int kWireVersion60 = 17;

// In a reply: one is left to the next read, as its boundary.
constexpr int64_t kLeastDocuments = 2;

// What has no _id is no boundary: the events' maker refuses such a document.
bson::Element IdOf(bson::View document) { return document.Find("_id").value_or(bson::Element()); }

bool IsMaxKey(const IdBound& id) {
  return !IsOpen(id) && id.view().Find("_id")->type == bson::Type::kMaxKey;
}

void AppendAll(bson::View fields, bson::Builder* command) {
  bson::Reader reader(fields);
  for (bson::Element element; reader.Next(&element);) command->Copy(element);
}

}  // namespace

bson::Document UnshardedVersion(int max_wire_version) {
  constexpr std::array<uint8_t, 12> kNoEpoch{};
  bson::Builder version;
  if (max_wire_version >= kWireVersion60) {
    version.OpenDocument("shardVersion").ObjectId("e", kNoEpoch).Time("t", {}).Time("v", {});
    return version.Close().Build();
  }
  version.OpenArray("shardVersion").Time("0", {}).ObjectId("1", kNoEpoch);
  if (max_wire_version >= kWireVersion50) version.Time("2", {});
  return version.Close().Build();
}

absl::StatusOr<std::optional<ChunkDocuments>> ChunkReader::Read(const Chunk& chunk,
                                                                const Manner& manner) {
  manner_ = manner;
  const auto ns = event::Namespace::Parse(chunk.ns);
  if (!ns.has_value()) {
    return absl::InternalError(fmt::format("'{}' is no name of a collection", chunk.ns));
  }
  version_ = options_.unsharded;
  absl::StatusOr<std::optional<ChunkDocuments>> documents = ReadAll(chunk, *ns);
  EndTransaction();
  if (!documents.ok() && !IsTimeGone(documents.status()) &&
      mongo::ServerErrorCode(documents.status()) != kStaleConfig) {
    return documents.status();
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const std::optional<CollectionDescription> description,
                             DescribeCollection(client_, *ns, chunk.collection));
  if (!documents.ok()) {
    if (description.has_value() && description->capped && !options_.in_transaction) {
      return absl::UnimplementedError(fmt::format(
          "{} is capped, and MongoDB from 5.0 on reads no capped collection at an exact time",
          chunk.ns));
    }
    base::LogDebug("a part of {} is read at a newer time: {}", chunk.ns,
                   documents.status().ToString());
    return std::nullopt;
  }
  // A read of a name that the collection has lost finds nothing, and no error.
  if (!description.has_value()) return std::nullopt;
  if (documents->has_value()) (*documents)->checked = description->at;
  return documents;
}

int32_t ChunkReader::BatchSize(int64_t bytes) const {
  // Beyond max_bytes where no document before was fit for a boundary.
  const int64_t left = options_.max_bytes - bytes % options_.max_bytes;
  // A little more than needed, so that no reply follows for the rest.
  const int64_t documents = (left + left / 16) / document_bytes_ + 1;
  return static_cast<int32_t>(
      std::max(kLeastDocuments, std::min<int64_t>(documents, options_.batch_size)));
}

absl::StatusOr<std::optional<ChunkDocuments>> ChunkReader::ReadAll(const Chunk& chunk,
                                                                   const event::Namespace& ns) {
  if (std::exchange(sized_, chunk.collection) != chunk.collection) {
    document_bytes_ = kUnknownDocument;
  }
  ChunkDocuments documents;
  IdBound last_id;
  int64_t bytes = 0;
  int64_t count = 0;
  while (true) {
    SHARDTAIL_ASSIGN_OR_RETURN(Found found, ReadBehind(chunk, ns, last_id, BatchSize(bytes)));
    bytes += found.batch.reply.view().size();
    if (!found.batch.documents.empty()) document_bytes_ = found.batch.document_bytes();
    count += static_cast<int64_t>(found.batch.documents.size());
    documents.batches.push_back(std::move(found.batch));
    std::vector<bson::View>& last = documents.batches.back().documents;
    if (!last.empty()) last_id = MakeBound(IdOf(last.back()));
    if (!found.more || IsMaxKey(last_id)) break;
    const bool enough = bytes >= options_.max_bytes || count >= options_.max_documents;
    // One must be left. Of documents of more than 8 MB a reply has one alone.
    if (enough && count > 1 && CanBeBound(IdOf(last.back()), manner_.simple_collation)) {
      documents.end = std::move(last_id);
      last.pop_back();
      if (last.empty()) documents.batches.pop_back();
      return documents;
    }
    if (enough && manner_.on_part != nullptr) {
      std::vector<mongo::Batch> part = std::exchange(documents.batches, {});
      documents.batches.push_back(std::move(part.back()));  // so that the rest is not empty
      part.pop_back();
      bytes = documents.batches.back().reply.view().size();
      count = static_cast<int64_t>(documents.batches.back().documents.size());
      // Before a part is given away.
      SHARDTAIL_ASSIGN_OR_RETURN(const auto description,
                                 DescribeCollection(client_, ns, chunk.collection));
      if (!description.has_value() || (!part.empty() && !manner_.on_part(std::move(part)))) {
        return std::nullopt;
      }
    } else if (manner_.on_part == nullptr && bytes >= options_.most_without_bound) {
      return ChunkDocuments{.batches = {}, .end = {}, .without_bound = true};
    }
  }
  const bool had_min = !IsOpen(chunk.range.min) || documents.batches.size() > 1;
  if (had_min && IsOpen(chunk.range.max) && !IsMaxKey(last_id)) {
    SHARDTAIL_ASSIGN_OR_RETURN(mongo::Batch highest, ReadMaxKey(chunk, ns));
    documents.batches.push_back(std::move(highest));
  }
  return documents;
}

absl::StatusOr<ChunkReader::Found> ChunkReader::ReadBehind(const Chunk& chunk,
                                                           const event::Namespace& ns,
                                                           const IdBound& last, int32_t documents) {
  // With min and max the server walks the index across all types, where a comparison in the filter
  // finds those of one type only. The hint makes the order that of the index. It refuses a min of
  // MinKey, but that is the _id of the first document at most.
  const bool goes_on = !IsOpen(last);
  const bool from_last = goes_on && last.view().Find("_id")->type != bson::Type::kMinKey;
  const IdBound& min = from_last ? last : chunk.range.min;
  bson::Builder find;
  find.OpenDocument("hint").Int32("_id", 1).Close();
  if (!IsOpen(min)) find.SubDocument("min", min);
  if (!IsOpen(chunk.range.max)) find.SubDocument("max", chunk.range.max);
  find.OpenDocument("filter");
  if (goes_on) find.OpenDocument("_id").Value("$ne", *last.view().Find("_id")).Close();
  AppendQuery(&find);
  find.Close();
  return Find(chunk, ns, find.view(), documents);
}

// With `min` and without `max` the server ends before MaxKey, and one document may have that _id.
absl::StatusOr<mongo::Batch> ChunkReader::ReadMaxKey(const Chunk& chunk,
                                                     const event::Namespace& ns) {
  bson::Builder find;
  find.OpenDocument("filter").MaxKey("_id");
  AppendQuery(&find);
  find.Close();
  SHARDTAIL_ASSIGN_OR_RETURN(Found found, Find(chunk, ns, find.view(), 1));
  return std::move(found.batch);
}

void ChunkReader::AppendQuery(bson::Builder* filter) const {
  if (manner_.query.view().empty()) return;
  // It may have conditions on _id of its own, and an $and.
  filter->OpenArray("$and").SubDocument("0", manner_.query).Close();
}

absl::StatusOr<ChunkReader::Found> ChunkReader::Find(const Chunk& chunk, const event::Namespace& ns,
                                                     bson::View conditions, int32_t documents) {
  absl::Status stale;
  for (int attempt = 0; attempt < kMostVersions; ++attempt) {
    bson::Builder find;
    find.String("find", ns.collection());
    AppendAll(conditions, &find);
    // With a limit the server closes the cursor itself, but where a reply would be over 16 MB.
    find.Int32("limit", documents).Int32("batchSize", documents);
    absl::StatusOr<mongo::Reply> reply = Run(ns, chunk.at, &find);
    if (reply.ok()) return Split(ns, *std::move(reply), documents);
    // A read goes on behind its last document by the next version: what the shard owned at the
    // chunk's time is the same by all.
    if (!LearnVersion(reply.status())) return reply.status();
    EndTransaction();
    stale = reply.status();
  }
  return stale;
}

absl::StatusOr<ChunkReader::Found> ChunkReader::Split(const event::Namespace& ns,
                                                      mongo::Reply reply, int32_t documents) {
  const auto cursor = reply.view().Find("cursor");
  const auto parts = cursor.has_value() ? cursor->GetDocument() : std::nullopt;
  const auto id = parts.has_value() ? parts->Find("id") : std::nullopt;
  const auto batch = parts.has_value() ? parts->Find("firstBatch") : std::nullopt;
  if (!id.has_value() || !batch.has_value() || !batch->GetDocument().has_value()) {
    return absl::InternalError("a find was answered without a cursor");
  }
  const int64_t open = id->GetInteger().value_or(0);
  Found found{.batch = {std::move(reply), {}}};
  bson::Reader reader(*batch->GetDocument());
  for (bson::Element element; reader.Next(&element);) {
    found.batch.documents.push_back(element.AsDocument());
  }
  if (open != 0) KillCursor(ns, open);
  found.more = open != 0 || std::ssize(found.batch.documents) >= documents;
  if (found.more && found.batch.documents.empty()) {
    return absl::InternalError("a find was answered with a cursor but without a document");
  }
  return found;
}

absl::StatusOr<mongo::Reply> ChunkReader::Run(const event::Namespace& ns, bson::Timestamp at,
                                              bson::Builder* find) {
  const bool begins = in_transaction() && !std::exchange(has_transaction_, true);
  if (!manner_.at_exact_time) {
    // With a time, the one that waits for prepared transactions as well.
    find->OpenDocument("readConcern").String("level", "majority").Time("afterClusterTime", at);
    find->Close();
  } else if (begins || !in_transaction()) {
    find->OpenDocument("readConcern").String("level", "snapshot").Time("atClusterTime", at).Close();
  }
  AppendAll(version_, find);
  if (!in_transaction()) return client_.Run(ns.database(), find->view());
  if (begins) {
    find->Bool("startTransaction", true);
    ++transaction_;
  }
  find->Int64("txnNumber", transaction_).Bool("autocommit", false);
  return client_.RunInSession(ns.database(), find->view());
}

bool ChunkReader::LearnVersion(const absl::Status& status) {
  if (mongo::ServerErrorCode(status) != kStaleConfig) return false;
  const bson::Document reply = mongo::ServerErrorReply(status);
  const auto wanted = reply.view().Find("vWanted");
  if (!wanted.has_value()) return true;  // it learns what it owns, and says so the next time
  bson::Builder version;
  if (wanted->type == bson::Type::kDocument) {
    version.Value("shardVersion", *wanted);
  } else {
    version.OpenArray("shardVersion").Value("0", *wanted);
    if (const auto epoch = reply.view().Find("vWantedEpoch")) version.Value("1", *epoch);
    if (const auto time = reply.view().Find("vWantedTimestamp")) version.Value("2", *time);
    version.Close();
  }
  version_ = version.Build();
  return true;
}

void ChunkReader::EndTransaction() {
  if (!std::exchange(has_transaction_, false)) return;
  bson::Builder abort;
  abort.Int32("abortTransaction", 1).Int64("txnNumber", transaction_).Bool("autocommit", false);
  // Best effort: it may have ended by itself, and the next one ends it too.
  if (const auto ended = client_.RunInSession("admin", abort.view()); !ended.ok()) {
    base::LogDebug("transaction left to the server: {}", ended.status().ToString());
  }
}

void ChunkReader::KillCursor(const event::Namespace& ns, int64_t id) {
  if (in_transaction()) return;  // it ends with its transaction
  bson::Builder kill;
  kill.String("killCursors", ns.collection()).OpenArray("cursors").Int64("0", id).Close();
  if (const auto killed = client_.Run(ns.database(), kill.view()); !killed.ok()) {
    base::LogDebug("cursor left to the server: {}", killed.status().ToString());
  }
}

}  // namespace shardtail::snapshot
