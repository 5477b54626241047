#include "pipeline/server_probe.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace shardtail::pipeline {
namespace {

// For a server that cannot reach the time: it is asked again.
constexpr int32_t kTimeLimitMillis = 2000;

mongo::ConnectionOptions ForQuestions(mongo::ConnectionOptions connection) {
  connection.server_selection_timeout =
      std::min(connection.server_selection_timeout, absl::Seconds(5));
  return connection;
}

// One document of config.transactions: what it tells of the transaction `number` of its session.
TransactionPart ReadPart(bson::View document, int64_t number) {
  const auto its_number = document.Find("txnNum");
  if (!its_number.has_value() || its_number->GetInteger().value_or(-1) < number) return {};
  const bool same = *its_number->GetInteger() == number;
  const auto state = document.Find("state");
  const std::string_view text = state.has_value() ? state->GetString().value_or("") : "";
  if (same && text == "prepared") return {.state = TransactionPart::State::kPrepared, .until = {}};
  // Retryable writes have no state.
  if (same && text != "committed") return {};
  const auto last_write = document.Find("lastWriteOpTime");
  const auto ts = last_write.has_value() && last_write->GetDocument().has_value()
                      ? last_write->AsDocument().Find("ts")
                      : std::nullopt;
  if (!ts.has_value() || ts->type != bson::Type::kTimestamp) return {};
  // Of a later transaction of the session: then this one ended before.
  return {.state = TransactionPart::State::kEnded, .until = ts->AsTimestamp()};
}

}  // namespace

ServerProbe::ServerProbe(mongo::ConnectionOptions connection, mongo::SeedSet seeds,
                         base::Clock& clock)
    : finder_(ForQuestions(std::move(connection)), std::move(seeds), clock) {}

absl::Status ServerProbe::Advance(const mongo::ClusterTime& after, const std::stop_token& stop) {
  bson::Builder command;
  // Any read does; this one needs no privilege that the stream does not need.
  command.String("find", "oplog.rs")
      .OpenDocument("sort")
      .Int32("$natural", -1)
      .Close()
      .OpenDocument("projection")
      .Int32("ts", 1)
      .Close()
      .Int32("limit", 1)
      .Bool("singleBatch", true)
      .Int32("maxTimeMS", kTimeLimitMillis);
  return Ask([&](mongo::Client& client) { return client.RunAfter("local", command.view(), after); },
             stop)
      .status();
}

absl::StatusOr<TransactionPart> ServerProbe::FindPart(const event::SessionTransaction& transaction,
                                                      const mongo::ClusterTime& after,
                                                      const std::stop_token& stop) {
  // From 5.0 on no command may both wait for a time and read this collection as the majority has it
  // (the manual, "Read Concern majority"). So another waits: then the majority has reached it.
  SHARDTAIL_RETURN_IF_ERROR(Advance(after, stop));
  bson::Builder session;
  session.Uuid("id", transaction.session_id);
  bson::Builder command;
  // `_id` is the whole `lsid`, {id, uid, …}: a range, for the event does not know the rest.
  command.String("find", "transactions")
      .OpenDocument("filter")
      .OpenDocument("_id")
      .SubDocument("$gte", session.view())
      .OpenDocument("$lte")
      .Uuid("id", transaction.session_id)
      .MaxKey("uid")
      .Close()
      .Close()
      .Close()
      .OpenDocument("readConcern")
      .String("level", "majority")
      .Close()
      .Bool("singleBatch", true)
      .Int32("maxTimeMS", kTimeLimitMillis);
  SHARDTAIL_ASSIGN_OR_RETURN(
      const mongo::Reply reply,
      Ask([&](mongo::Client& client) { return client.Run("config", command.view()); }, stop));
  const auto cursor = reply.view().Find("cursor");
  const auto batch = cursor.has_value() && cursor->GetDocument().has_value()
                         ? cursor->AsDocument().Find("firstBatch")
                         : std::nullopt;
  TransactionPart found;
  if (!batch.has_value() || !batch->GetDocument().has_value()) return found;
  bson::Reader reader(batch->AsDocument());
  for (bson::Element document; reader.Next(&document);) {
    if (!document.GetDocument().has_value()) continue;
    const TransactionPart part = ReadPart(document.AsDocument(), transaction.number);
    if (part.state == TransactionPart::State::kPrepared) return part;
    if (part.state == TransactionPart::State::kEnded) found = part;
  }
  return found;
}

absl::StatusOr<mongo::Reply> ServerProbe::Ask(Question question, const std::stop_token& stop) {
  if (client_ == nullptr) {
    SHARDTAIL_ASSIGN_OR_RETURN(auto found, finder_.FindPrimary(stop));
    client_ = std::move(found.client);
  }
  absl::StatusOr<mongo::Reply> reply = question(*client_);
  // It may be the primary no more, or cut off: look for it before the next question.
  if (!reply.ok()) client_.reset();
  return reply;
}

}  // namespace shardtail::pipeline
