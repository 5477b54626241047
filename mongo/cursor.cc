#include "mongo/cursor.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::mongo {

Cursor::Cursor(Client& client, std::string database, bson::Document command, Options options)
    : client_(client),
      database_(std::move(database)),
      command_(std::move(command)),
      options_(options) {}

Cursor::~Cursor() {
  if (id_ == 0) return;
  bson::Builder kill;
  kill.String("killCursors", collection_).OpenArray("cursors").Int64("0", id_).Close();
  // Best effort: the server gives up idle cursors by itself.
  if (const auto killed = client_.Run(database_, kill.view()); !killed.ok()) {
    base::LogDebug("cursor left to the server: {}", killed.status().ToString());
  }
}

absl::StatusOr<Batch> Cursor::Next() {
  absl::StatusOr<Reply> reply = absl::InternalError("Next() after the end of a cursor");
  if (!started_) {
    reply = client_.Run(database_, command_);
  } else if (id_ != 0) {
    bson::Builder get_more;
    get_more.Int64("getMore", id_).String("collection", collection_);
    if (options_.batch_size > 0) get_more.Int32("batchSize", options_.batch_size);
    if (options_.max_await.has_value()) {
      get_more.Int32("maxTimeMS",
                     static_cast<int32_t>(absl::ToInt64Milliseconds(*options_.max_await)));
    }
    reply = client_.Run(database_, get_more.view());
  }
  if (!reply.ok()) {
    id_ = 0;  // gone with the connection or by the server: nothing to kill
    started_ = true;
    return std::move(reply).status();
  }
  const std::string_view field = started_ ? "nextBatch" : "firstBatch";
  started_ = true;
  return Split(*std::move(reply), field);
}

absl::StatusOr<Batch> Cursor::Split(Reply reply, std::string_view field) {
  const auto broken = [this] {
    return absl::InternalError(
        fmt::format("{} answered a cursor command without a cursor", client_.server().ToString()));
  };
  const auto cursor = reply.view().Find("cursor");
  if (!cursor.has_value() || cursor->type != bson::Type::kDocument) return broken();
  const auto id = cursor->AsDocument().Find("id");
  const auto documents = cursor->AsDocument().Find(field);
  if (!id.has_value() || id->type != bson::Type::kInt64 || !documents.has_value() ||
      documents->type != bson::Type::kArray) {
    return broken();
  }
  id_ = id->AsInt64();
  if (collection_.empty()) {
    const auto ns = cursor->AsDocument().Find("ns");
    const auto name = ns.has_value() ? ns->GetString() : std::nullopt;
    if (!name.has_value() || name->find('.') == std::string_view::npos) return broken();
    collection_ = name->substr(name->find('.') + 1);
  }
  Batch batch{std::move(reply), {}};
  bson::Reader reader(documents->AsDocument());
  bson::Element element;
  while (reader.Next(&element)) {
    if (element.type != bson::Type::kDocument) return broken();
    batch.documents.push_back(element.AsDocument());
  }
  if (reader.corrupt()) return broken();
  return batch;
}

}  // namespace shardtail::mongo
