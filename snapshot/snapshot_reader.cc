#include "snapshot/snapshot_reader.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::snapshot {

absl::StatusOr<int64_t> SnapshotReader::Read(const std::vector<std::string>& collections,
                                             Consume consume) {
  events_ = 0;
  held_ns_.clear();
  for (const std::string& name : collections) {
    const auto ns = event::Namespace::Parse(name);
    if (!ns.has_value()) {
      return absl::InternalError(fmt::format("'{}' is no name of a collection", name));
    }
    int64_t documents = 0;
    const auto take = [&](std::span<const bson::View> batch) {
      documents += static_cast<int64_t>(batch.size());
      return Take(name, batch, consume);
    };
    SHARDTAIL_RETURN_IF_ERROR(source_.Read(*ns, take));
    base::LogInfo("copied {}: {} documents", name, documents);
  }
  SHARDTAIL_RETURN_IF_ERROR(EmitHeld(event::SnapshotMark::kLast, consume));
  return events_;
}

absl::Status SnapshotReader::Take(std::string_view ns, std::span<const bson::View> documents,
                                  Consume consume) {
  if (documents.empty()) return absl::OkStatus();
  SHARDTAIL_RETURN_IF_ERROR(EmitHeld(event::SnapshotMark::kTrue, consume));
  for (const bson::View document : documents.first(documents.size() - 1)) {
    SHARDTAIL_RETURN_IF_ERROR(Emit(ns, document, event::SnapshotMark::kTrue, consume));
  }
  held_ = bson::Document(documents.back());
  held_ns_ = ns;
  return absl::OkStatus();
}

absl::Status SnapshotReader::EmitHeld(event::SnapshotMark mark, Consume consume) {
  return held_ns_.empty() ? absl::OkStatus() : Emit(held_ns_, held_, mark, consume);
}

absl::Status SnapshotReader::Emit(std::string_view ns, bson::View document,
                                  event::SnapshotMark mark, Consume consume) {
  const auto id = document.Find("_id");
  if (!id.has_value()) {
    return absl::DataLossError(
        fmt::format("a document of {} has no _id and so no key: leave the collection out with "
                    "collection.exclude.list",
                    ns));
  }
  event::ChangeEvent event;
  event.position = origin_.position;
  event.operation = event::Operation::kRead;
  event.snapshot = mark;
  event.ns = *event::Namespace::Parse(ns);
  event.id = *id;
  event.document = document;
  event.session = origin_.session;
  event.h = origin_.h;
  ++events_;
  return consume(event);
}

}  // namespace shardtail::snapshot
