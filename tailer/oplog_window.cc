#include "tailer/oplog_window.h"

#include <fmt/format.h>

#include <string>

#include "absl/time/time.h"
#include "base/status_macros.h"
#include "mongo/cursor.h"
#include "tailer/entry_decoder.h"
#include "tailer/oplog_entry.h"

namespace shardtail::tailer {
namespace {

void LimitToOne(bson::Builder* find) {
  find->Int32("limit", 1).Bool("singleBatch", true);
  find->OpenDocument("readConcern").String("level", "majority").Close();
}

// The one document that `find` asks for; kNotFound when there is none.
absl::StatusOr<bson::Document> FindOne(mongo::Client& client, bson::Document find) {
  mongo::Cursor cursor(client, "local", std::move(find), {});
  SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Batch batch, cursor.Next());
  if (batch.documents.empty()) {
    return absl::NotFoundError(
        fmt::format("no such oplog entry on {}", client.server().ToString()));
  }
  return bson::Document(batch.documents[0]);
}

// The oplog's first or last entry.
absl::StatusOr<bson::Document> FindEnd(mongo::Client& client, int32_t natural_order) {
  bson::Builder find;
  find.String("find", "oplog.rs").OpenDocument("sort").Int32("$natural", natural_order).Close();
  LimitToOne(&find);
  auto entry = FindOne(client, find.Build());
  if (absl::IsNotFound(entry.status())) {
    return absl::UnavailableError(
        fmt::format("{} has no oplog that can be read yet", client.server().ToString()));
  }
  return entry;
}

absl::StatusOr<OplogPoint> ToPoint(const bson::Document& document) {
  OplogEntry entry;
  SHARDTAIL_RETURN_IF_ERROR(ParseOplogEntry(document, &entry));
  SHARDTAIL_ASSIGN_OR_RETURN(const bson::Timestamp ts, EntryTimestamp(document));
  return OplogPoint{.position = {ts, 0}, .session = entry.session, .h = entry.h};
}

}  // namespace

absl::StatusOr<OplogBeginning> FirstEntry(mongo::Client& client) {
  SHARDTAIL_ASSIGN_OR_RETURN(const bson::Document document, FindEnd(client, 1));
  OplogBeginning beginning;
  SHARDTAIL_ASSIGN_OR_RETURN(beginning.first, ToPoint(document));
  const auto o = document.view().Find("o");
  const auto message =
      o.has_value() && o->GetDocument().has_value() ? o->AsDocument().Find("msg") : std::nullopt;
  beginning.whole = message.has_value() && message->GetString() == "initiating set";
  return beginning;
}

absl::StatusOr<OplogPoint> LatestEntry(mongo::Client& client) {
  SHARDTAIL_ASSIGN_OR_RETURN(const bson::Document document, FindEnd(client, -1));
  return ToPoint(document);
}

absl::StatusOr<OplogPoint> LastEntryUntil(mongo::Client& client, bson::Timestamp ts) {
  bson::Builder find;
  find.String("find", "oplog.rs")
      .OpenDocument("filter")
      .OpenDocument("ts")
      .Time("$lte", ts)
      .Close()
      .Close()
      .OpenDocument("sort")
      .Int32("$natural", -1)
      .Close();
  LimitToOne(&find);
  SHARDTAIL_ASSIGN_OR_RETURN(const bson::Document document, FindOne(client, find.Build()));
  return ToPoint(document);
}

absl::StatusOr<OplogWindow> ReadOplogWindow(mongo::Client& client) {
  SHARDTAIL_ASSIGN_OR_RETURN(const bson::Document oldest, FindEnd(client, 1));
  SHARDTAIL_ASSIGN_OR_RETURN(const bson::Document newest, FindEnd(client, -1));
  OplogWindow window;
  SHARDTAIL_ASSIGN_OR_RETURN(window.oldest, EntryTimestamp(oldest));
  SHARDTAIL_ASSIGN_OR_RETURN(window.newest, EntryTimestamp(newest));
  return window;
}

absl::StatusOr<bson::Document> FindEntryFrom(mongo::Client& client, bson::Timestamp ts) {
  bson::Builder find;
  // $gte rather than equality: a seek on every version, whether the entry is there or not.
  find.String("find", "oplog.rs")
      .OpenDocument("filter")
      .OpenDocument("ts")
      .Time("$gte", ts)
      .Close()
      .Close()
      .Bool("oplogReplay", true);
  LimitToOne(&find);
  return FindOne(client, find.Build());
}

std::string DescribeTime(bson::Timestamp ts) {
  return fmt::format("{}, {}", event::ToString({ts, 0}),
                     absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixSeconds(ts.seconds),
                                      absl::UTCTimeZone()));
}

}  // namespace shardtail::tailer
