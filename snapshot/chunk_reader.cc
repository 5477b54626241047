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

// With min and max the server walks the index across all types, where a comparison in the filter
// finds those of one type only. The hint makes the order that of the index.
void AppendRange(const IdRange& range, bson::Builder* find) {
  find->OpenDocument("hint").Int32("_id", 1).Close();
  if (!IsOpen(range.min)) find->SubDocument("min", range.min);
  if (!IsOpen(range.max)) find->SubDocument("max", range.max);
}

// In a reply: one is left to the next read, as its boundary.
constexpr int64_t kLeastDocuments = 2;

bool Is(const std::optional<CollectionDescription>& found, const CollectionUuid& collection) {
  return found.has_value() && found->uuid == collection;
}

struct CursorReply {
  int64_t id = 0;
  mongo::Batch batch;
};

absl::StatusOr<CursorReply> SplitReply(mongo::Reply reply, std::string_view field) {
  const auto cursor = reply.view().Find("cursor");
  const auto parts = cursor.has_value() ? cursor->GetDocument() : std::nullopt;
  const auto id = parts.has_value() ? parts->Find("id") : std::nullopt;
  const auto documents = parts.has_value() ? parts->Find(field) : std::nullopt;
  if (!id.has_value() || !documents.has_value() || !documents->GetDocument().has_value()) {
    return absl::InternalError("a find was answered without a cursor");
  }
  CursorReply split{id->GetInteger().value_or(0), {std::move(reply), {}}};
  bson::Reader reader(*documents->GetDocument());
  bson::Element element;
  while (reader.Next(&element)) split.batch.documents.push_back(element.AsDocument());
  return split;
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
  absl::StatusOr<std::optional<ChunkDocuments>> documents = std::nullopt;
  version_ = options_.unsharded;
  for (int attempt = 0; attempt < kMostVersions; ++attempt) {
    documents = ReadAll(chunk, *ns);
    if (in_transaction()) EndTransaction();
    if (documents.ok() || !LearnVersion(documents.status())) break;
  }
  if (!documents.ok() && !IsTimeGone(documents.status()) &&
      mongo::ServerErrorCode(documents.status()) != kStaleConfig) {
    return documents.status();
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const std::optional<CollectionDescription> description,
                             DescribeCollection(client_, *ns));
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
  if (!Is(description, chunk.collection)) return std::nullopt;
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
  bson::Builder find;
  find.String("find", ns.collection()).Int32("batchSize", BatchSize(0));
  AppendRange(chunk.range, &find);
  if (!manner_.query.view().empty()) find.SubDocument("filter", manner_.query);
  ChunkDocuments documents;
  SHARDTAIL_ASSIGN_OR_RETURN(mongo::Reply reply, Begin(ns, &find, chunk.at));
  SHARDTAIL_ASSIGN_OR_RETURN(CursorReply answered, SplitReply(std::move(reply), "firstBatch"));
  int64_t bytes = 0;
  int64_t count = 0;
  bool checked = false;  // that the cursor is the collection's: before a part is given away
  while (true) {
    bytes += answered.batch.reply.view().size();
    if (!answered.batch.documents.empty()) document_bytes_ = answered.batch.document_bytes();
    count += static_cast<int64_t>(answered.batch.documents.size());
    documents.batches.push_back(std::move(answered.batch));
    if (answered.id == 0) break;
    std::vector<bson::View>& last = documents.batches.back().documents;
    // One must be left. Of documents of more than 8 MB a reply has one alone.
    const auto id = count > 1 && !last.empty() ? last.back().Find("_id") : std::nullopt;
    const bool enough = bytes >= options_.max_bytes || count >= options_.max_documents;
    if (enough && id.has_value() && CanBeBound(*id, manner_.simple_collation)) {
      documents.end = MakeBound(*id);
      last.pop_back();
      if (last.empty()) documents.batches.pop_back();
      KillCursor(ns, answered.id);
      return documents;
    }
    if (enough && manner_.on_part != nullptr && !last.empty()) {
      std::vector<mongo::Batch> part = std::exchange(documents.batches, {});
      documents.batches.push_back(std::move(part.back()));  // so that the rest is not empty
      part.pop_back();
      bytes = documents.batches.back().reply.view().size();
      count = static_cast<int64_t>(documents.batches.back().documents.size());
      if (!checked) {
        SHARDTAIL_ASSIGN_OR_RETURN(const auto description, DescribeCollection(client_, ns));
        checked = Is(description, chunk.collection);
      }
      if (!checked || (!part.empty() && !manner_.on_part(std::move(part)))) {
        KillCursor(ns, answered.id);
        return std::nullopt;
      }
    } else if (manner_.on_part == nullptr && bytes >= options_.most_without_bound) {
      KillCursor(ns, answered.id);
      return ChunkDocuments{.batches = {}, .end = {}, .without_bound = true};
    }
    bson::Builder get_more;
    get_more.Int64("getMore", answered.id).String("collection", ns.collection());
    get_more.Int32("batchSize", BatchSize(bytes));
    SHARDTAIL_ASSIGN_OR_RETURN(reply, Continue(ns, &get_more));
    SHARDTAIL_ASSIGN_OR_RETURN(answered, SplitReply(std::move(reply), "nextBatch"));
  }
  if (!IsOpen(chunk.range.min) && IsOpen(chunk.range.max) && manner_.query.view().empty()) {
    SHARDTAIL_ASSIGN_OR_RETURN(mongo::Batch highest, ReadMaxKey(chunk, ns));
    documents.batches.push_back(std::move(highest));
  }
  return documents;
}

// With `min` and without `max` the server ends before MaxKey, and one document may have that _id.
absl::StatusOr<mongo::Batch> ChunkReader::ReadMaxKey(const Chunk& chunk,
                                                     const event::Namespace& ns) {
  bson::Builder find;
  find.String("find", ns.collection()).OpenDocument("filter").MaxKey("_id").Close();
  find.Int32("limit", 1);
  if (in_transaction()) AppendVersion(&find);
  absl::StatusOr<mongo::Reply> reply =
      in_transaction() ? Continue(ns, &find) : Begin(ns, &find, chunk.at);
  if (!reply.ok()) return reply.status();
  SHARDTAIL_ASSIGN_OR_RETURN(CursorReply answered, SplitReply(*std::move(reply), "firstBatch"));
  return std::move(answered.batch);
}

absl::StatusOr<mongo::Reply> ChunkReader::Begin(const event::Namespace& ns, bson::Builder* command,
                                                bson::Timestamp at) {
  if (!manner_.at_exact_time) {
    command->OpenDocument("readConcern").String("level", "majority").Close();
    AppendVersion(command);
    return Continue(ns, command);
  }
  command->OpenDocument("readConcern").String("level", "snapshot").Time("atClusterTime", at);
  command->Close();
  AppendVersion(command);
  if (in_transaction()) {
    command->Bool("startTransaction", true);
    ++transaction_;
  }
  return Continue(ns, command);
}

absl::StatusOr<mongo::Reply> ChunkReader::Continue(const event::Namespace& ns,
                                                   bson::Builder* command) {
  if (!in_transaction()) return client_.Run(ns.database(), command->view());
  command->Int64("txnNumber", transaction_).Bool("autocommit", false);
  return client_.RunInSession(ns.database(), command->view());
}

void ChunkReader::AppendVersion(bson::Builder* command) const {
  bson::Reader reader(version_);
  for (bson::Element element; reader.Next(&element);) command->Copy(element);
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
