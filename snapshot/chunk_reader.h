#ifndef SHARDTAIL_SNAPSHOT_CHUNK_READER_H_
#define SHARDTAIL_SNAPSHOT_CHUNK_READER_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "event/change_event.h"
#include "mongo/client.h"
#include "mongo/cursor.h"
#include "snapshot/board.h"
#include "snapshot/id_range.h"

namespace shardtail::snapshot {

// What a range held at its time, below `end` where that is not open.
struct ChunkDocuments {
  std::vector<mongo::Batch> batches;
  IdBound end;
  bson::Timestamp checked;  // when the name was seen to be the collection's still
  // Nothing was kept, for there was no boundary in Options::most_without_bound: it is to be read
  // with Manner::on_part.
  bool without_bound = false;
};

// {shardVersion: ...} of a collection that is not sharded, as routers of that maxWireVersion send
// it.
bson::Document UnshardedVersion(int max_wire_version);

// Reads ranges of collections as they were at an exact cluster time: majority-committed, in the
// order of `_id`. On 5.0 and later by `readConcern: {level: snapshot, atClusterTime}`; 4.2 and 4.4
// take that only in a transaction, as its first statement.
//
// On a shard of a cluster a range is read as a router reads it, by the version that the shard gives
// of its chunks: the shard then leaves out what it did not own at that time (what a migration has
// copied and not committed, or has not deleted yet). Each read asks for the version anew, which
// makes the shard ask the config server: a recipient may not know of its new chunk yet.
//
// Every reply is that of a find, which goes on behind the last document of the one before. A
// getMore outside a transaction would not wait for a prepared transaction and show what was there
// before it, at whatever time (seen on 4.2 to 6.0, and no read concern of the find changes it).
//
// A server keeps the past for 300 s (5.0 and later: minSnapshotHistoryWindowInSeconds) or 5 s
// (before: maxTargetSnapshotHistoryWindowInSeconds), and ends a transaction after 60 s.
//
// One thread at a time.
class ChunkReader {
 public:
  struct Options {
    int32_t batch_size = 2000;    // documents a reply at the most; 2 always
    int64_t max_bytes = 4 << 20;  // stops after the reply with which it has that many: mostly one,
    int64_t max_documents = std::numeric_limits<int64_t>::max();  // or that many
    // As much is held of a chunk that cannot end anywhere, by its `_id`s.
    int64_t most_without_bound = 16 << 20;
    bool in_transaction = false;  // for 4.2 and 4.4 (maxWireVersion below 13)
    // On a shard: {shardVersion: what a router gives for a collection that is not sharded}, in the
    // form of the server's version, see UnshardedVersion(). Elsewhere empty.
    bson::Document unsharded;
  };

  // What matters of the collection.
  struct Manner {
    // The collection's own: an `_id` with a string in it does not sort by its bytes then, and so
    // is no boundary.
    bool simple_collation = true;
    // Else as the documents are now, each in a state no older than the chunk's time: capped
    // collections from 5.0 on cannot be read otherwise.
    bool at_exact_time = true;
    bson::Document query;  // of the documents that are wanted; empty: all
    // Where it is set, and not at_exact_time (no server keeps a time for as long as a large
    // collection takes): documents that no boundary follows go there when there are max_bytes of
    // them, and the read goes on; its end is the rest, and not empty where any was. False: no more
    // is wanted.
    std::function<bool(std::vector<mongo::Batch>)> on_part;
  };

  // `client` must outlive the reader.
  ChunkReader(mongo::Client& client, Options options)
      : client_(client), options_(std::move(options)) {}

  // The documents of the chunk. nullopt where the server no longer, or not yet, has that time, or
  // the name belongs to another collection by now, or on_part wants no more: give the range back
  // and take a new time. Waits
  // for prepared transactions that may be visible at the time, up to the client's socket timeout.
  //   kUnimplemented  a capped collection of 5.0 or later, in neither form
  //   others          the client's
  absl::StatusOr<std::optional<ChunkDocuments>> Read(const Chunk& chunk, const Manner& manner);

 private:
  // What a document is taken for before the first of its collection were read.
  static constexpr int64_t kUnknownDocument = 4096;

  struct Found {
    mongo::Batch batch;
    bool more = false;  // there may be documents behind the last one
  };

  absl::StatusOr<std::optional<ChunkDocuments>> ReadAll(const Chunk& chunk,
                                                        const event::Namespace& ns);
  // What a reply is to hold after `bytes` of the chunk, as far as is known of the documents.
  int32_t BatchSize(int64_t bytes) const;
  // The next documents of the chunk, behind the one with the `_id` of `last`, where that is given.
  absl::StatusOr<Found> ReadBehind(const Chunk& chunk, const event::Namespace& ns,
                                   const IdBound& last, int32_t documents);
  absl::StatusOr<mongo::Batch> ReadMaxKey(const Chunk& chunk, const event::Namespace& ns);
  void AppendQuery(bson::Builder* filter) const;
  // So many documents, at the chunk's time and by the shard's version.
  absl::StatusOr<Found> Find(const Chunk& chunk, const event::Namespace& ns, bson::View conditions,
                             int32_t documents);
  absl::StatusOr<Found> Split(const event::Namespace& ns, mongo::Reply reply, int32_t documents);
  absl::StatusOr<mongo::Reply> Run(const event::Namespace& ns, bson::Timestamp at,
                                   bson::Builder* find);
  // Takes version_ from a StaleConfig answer. False when the find is not to be tried again.
  bool LearnVersion(const absl::Status& status);
  bool in_transaction() const { return options_.in_transaction && manner_.at_exact_time; }
  void EndTransaction();
  void KillCursor(const event::Namespace& ns, int64_t id);

  mongo::Client& client_;
  const Options options_;
  Manner manner_;           // of the read under way
  bson::Document version_;  // {shardVersion: ...} of the read under way
  int64_t transaction_ = 0;
  bool has_transaction_ = false;
  CollectionUuid sized_{};                     // what was read last,
  int64_t document_bytes_ = kUnknownDocument;  // and a document's average size there
};

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_CHUNK_READER_H_
