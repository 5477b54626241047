#include "snapshot/server_collection_source.h"

#include <fmt/format.h>

#include <string>

#include "base/log.h"
#include "base/status_macros.h"
#include "mongo/cursor.h"

namespace shardtail::snapshot {
namespace {

// QueryPlanKilled: the collection was dropped or renamed under the cursor (MongoDB's
// error_codes.yml).
constexpr int kQueryPlanKilled = 175;

bool IsGone(const absl::Status& status) {
  return status.code() == absl::StatusCode::kNotFound ||
         mongo::ServerErrorCode(status) == kQueryPlanKilled;
}

}  // namespace

absl::Status ServerCollectionSource::ForEach(const event::Namespace& ns,
                                             absl::FunctionRef<absl::Status(bson::View)> consume) {
  bson::Builder find;
  find.String("find", ns.collection());
  if (options_.fetch_size > 0) find.Int32("batchSize", options_.fetch_size);
  find.OpenDocument("readConcern").String("level", "majority").Close();
  mongo::Cursor cursor(client_, std::string(ns.database()), find.Build(),
                       {.batch_size = options_.fetch_size, .max_await = {}});
  while (!cursor.exhausted()) {
    const absl::StatusOr<mongo::Batch> batch = cursor.Next();
    if (!batch.ok() && IsGone(batch.status())) {
      base::LogWarn("{} was dropped or renamed while it was copied", ns.full);
      return absl::OkStatus();
    }
    SHARDTAIL_RETURN_IF_ERROR(batch.status());
    for (const bson::View document : batch->documents) {
      SHARDTAIL_RETURN_IF_ERROR(consume(document));
    }
  }
  return absl::OkStatus();
}

}  // namespace shardtail::snapshot
