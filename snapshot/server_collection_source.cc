#include "snapshot/server_collection_source.h"

#include <string>

#include "base/log.h"
#include "base/status_macros.h"
#include "mongo/cursor.h"

namespace shardtail::snapshot {
namespace {

// A few thousand are faster than the server's default, replies of 16 MB.
constexpr int32_t kDefaultBatchSize = 2000;

bson::Document MakeFind(std::string_view collection, int32_t batch_size) {
  bson::Builder find;
  find.String("find", collection).Int32("batchSize", batch_size);
  // Else the server gives a cursor up that waits for ten minutes; a full sink may take longer. One
  // whose client died ends with its session, after half an hour.
  find.Bool("noCursorTimeout", true);
  find.OpenDocument("readConcern").String("level", "majority").Close();
  return find.Build();
}

}  // namespace

ServerCollectionSource::ServerCollectionSource(mongo::Client& client, Options options)
    : client_(client),
      batch_size_(options.fetch_size > 0 ? options.fetch_size : kDefaultBatchSize) {}

absl::Status ServerCollectionSource::Read(const event::Namespace& ns, Consume consume) {
  mongo::Cursor cursor(client_, std::string(ns.database()), MakeFind(ns.collection(), batch_size_),
                       {.batch_size = batch_size_, .max_await = {}});
  while (!cursor.exhausted()) {
    const absl::StatusOr<mongo::Batch> batch = cursor.Next();
    if (!batch.ok()) {
      // A cursor dies with its collection, by various codes; so ask.
      if (mongo::ServerErrorCode(batch.status()) == 0) return batch.status();
      const absl::StatusOr<bool> exists = Exists(ns);
      if (!exists.ok() || *exists) return batch.status();
      base::LogWarn("{} was dropped or renamed while it was copied", ns.full);
      return absl::OkStatus();
    }
    SHARDTAIL_RETURN_IF_ERROR(consume(batch->documents));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ServerCollectionSource::Exists(const event::Namespace& ns) {
  bson::Builder command;
  command.Int32("listCollections", 1).Bool("nameOnly", true).Bool("authorizedCollections", true);
  command.OpenDocument("filter").String("name", ns.collection()).Close();
  mongo::Cursor cursor(client_, std::string(ns.database()), command.Build(), {});
  SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Batch batch, cursor.Next());
  return !batch.documents.empty();
}

}  // namespace shardtail::snapshot
