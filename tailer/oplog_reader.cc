#include "tailer/oplog_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "tailer/entry_decoder.h"
#include "tailer/oplog_window.h"

namespace shardtail::tailer {
namespace {

bson::Document MakeFind(bson::Timestamp from, const OplogReaderOptions& options) {
  bson::Builder find;
  find.String("find", "oplog.rs");
  find.OpenDocument("filter").OpenDocument("ts").Time("$gte", from).Close().Close();
  find.Bool("tailable", true).Bool("awaitData", true);
  // 4.2 scans the oplog from its beginning without this; later versions ignore it.
  find.Bool("oplogReplay", true);
  find.Int32("batchSize", options.batch_size);
  find.OpenDocument("readConcern").String("level", "majority").Close();
  return find.Build();
}

}  // namespace

OplogReader::OplogReader(mongo::Client& client, const event::Position& start,
                         OplogReaderOptions options)
    : client_(client),
      start_(start),
      options_(options),
      cursor_(client, "local", MakeFind(start.ts, options),
              {.batch_size = options.batch_size, .max_await = options.max_await}),
      last_(start.ts) {}

absl::StatusOr<OplogBatch> OplogReader::Next() {
  const std::string server = client_.server().ToString();
  if (cursor_.exhausted()) {
    return absl::UnavailableError(fmt::format("{} closed the cursor on its oplog", server));
  }
  auto batch = cursor_.Next();
  if (absl::IsOutOfRange(batch.status())) {
    return absl::OutOfRangeError(
        fmt::format("the oplog of {} rolled over what follows {} before it was read: {}", server,
                    DescribeTime(last_), std::string(batch.status().message())));
  }
  SHARDTAIL_RETURN_IF_ERROR(batch.status());
  if (cursor_.exhausted() && batch->documents.empty()) {
    return absl::UnavailableError(
        fmt::format("{} opened no cursor on its oplog: it may just have started", server));
  }
  OplogBatch entries;
  entries.more = batch->documents.size() >= static_cast<size_t>(cursor_.batch_size());
  ChooseBatchSize(*batch);
  if (!read_start_) SHARDTAIL_RETURN_IF_ERROR(CheckStart(&*batch));
  if (!batch->documents.empty()) {
    SHARDTAIL_ASSIGN_OR_RETURN(last_, EntryTimestamp(batch->documents.back()));
  }
  entries.entries = std::move(batch->documents);
  entries.owner = std::make_shared<mongo::Reply>(std::move(batch->reply));
  return entries;
}

void OplogReader::ChooseBatchSize(const mongo::Batch& batch) {
  if (batch.documents.empty()) return;
  cursor_.set_batch_size(static_cast<int32_t>(
      std::clamp<int64_t>(options_.reply_bytes / batch.document_bytes(), 1, options_.batch_size)));
}

absl::Status OplogReader::CheckStart(mongo::Batch* batch) {
  if (batch->documents.empty()) {
    // Normal on a live cursor, and yet nothing was seen of the start.
    if (!found_start_) SHARDTAIL_RETURN_IF_ERROR(FindStart());
    found_start_ = true;
    return absl::OkStatus();
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const bson::Timestamp first, EntryTimestamp(batch->documents[0]));
  if (first != start_.ts) {
    SHARDTAIL_RETURN_IF_ERROR(FindStart());
    return absl::UnavailableError(
        fmt::format("the cursor on the oplog of {} began at {} instead of {}",
                    client_.server().ToString(), DescribeTime(first), DescribeTime(start_.ts)));
  }
  read_start_ = true;
  if (start_.index == 0) batch->documents.erase(batch->documents.begin());
  return absl::OkStatus();
}

absl::Status OplogReader::FindStart() {
  const auto entry = FindEntryFrom(client_, start_.ts);
  const bool lags = absl::IsNotFound(entry.status());
  if (entry.ok()) {
    SHARDTAIL_ASSIGN_OR_RETURN(const bson::Timestamp ts, EntryTimestamp(*entry));
    if (ts == start_.ts) return absl::OkStatus();
  } else if (!lags) {
    return entry.status();
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const OplogWindow window, ReadOplogWindow(client_));
  const std::string server = client_.server().ToString();
  if (window.oldest > start_.ts) {
    return absl::OutOfRangeError(
        fmt::format("the position {} is no longer in the oplog of {}, which begins at {}",
                    DescribeTime(start_.ts), server, DescribeTime(window.oldest)));
  }
  // By what was found first: it may have caught up between the two questions.
  if (lags || window.newest < start_.ts) {
    return absl::UnavailableError(
        fmt::format("{} has not come as far as the position {} yet: its last majority-committed "
                    "entry is {}",
                    server, DescribeTime(start_.ts), DescribeTime(window.newest)));
  }
  return absl::AbortedError(fmt::format(
      "the position {} is not in the oplog of {}, which has entries before and after it (from {} "
      "to {}): the replica set rolled that write back, or is not the one that the position is of. "
      "Events that were captured up to it may tell of writes that are no longer there",
      DescribeTime(start_.ts), server, DescribeTime(window.oldest), DescribeTime(window.newest)));
}

}  // namespace shardtail::tailer
