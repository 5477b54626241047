#include "snapshot/snapshot_reader.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::snapshot {

absl::StatusOr<int64_t> SnapshotReader::Read(const std::vector<std::string>& collections,
                                             Consume consume) {
  for (const std::string& name : collections) {
    const auto ns = event::Namespace::Parse(name);
    if (!ns.has_value()) {
      return absl::InternalError(fmt::format("'{}' is no name of a collection", name));
    }
    int64_t documents = 0;
    SHARDTAIL_RETURN_IF_ERROR(source_.ForEach(*ns, [&](bson::View document) -> absl::Status {
      SHARDTAIL_RETURN_IF_ERROR(Emit(event::SnapshotMark::kTrue, consume));
      held_bytes_ = document.bytes();
      held_ns_ = name;
      ++documents;
      return absl::OkStatus();
    }));
    base::LogInfo("copied {}: {} documents", name, documents);
  }
  SHARDTAIL_RETURN_IF_ERROR(Emit(event::SnapshotMark::kLast, consume));
  return events_;
}

absl::Status SnapshotReader::Emit(event::SnapshotMark mark, Consume consume) {
  if (held_ns_.empty()) return absl::OkStatus();
  SHARDTAIL_ASSIGN_OR_RETURN(const bson::View document, bson::View::Create(held_bytes_));
  const auto id = document.Find("_id");
  if (!id.has_value()) {
    return absl::DataLossError(fmt::format("a document of {} without _id", held_ns_));
  }
  event::ChangeEvent event;
  event.position = origin_.position;
  event.operation = event::Operation::kRead;
  event.snapshot = mark;
  event.ns = *event::Namespace::Parse(held_ns_);
  event.id = *id;
  event.document = document;
  event.session = origin_.session;
  event.h = origin_.h;
  ++events_;
  return consume(event);
}

}  // namespace shardtail::snapshot
