#include "encoding/json_encoder.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "encoding/binary_text.h"
#include "encoding/json_escape.h"
#include "encoding/key_json.h"
#include "encoding/schema_json.h"
#include "encoding/topic_name.h"
#include "encoding/value_json.h"

namespace shardtail::encoding {
namespace {

using event::ChangeEvent;
using event::Operation;
using event::SnapshotMark;

std::string_view ToText(SnapshotMark mark) {
  switch (mark) {
    case SnapshotMark::kTrue:
      return "true";
    case SnapshotMark::kLast:
      return "last";
    case SnapshotMark::kFalse:
      break;
  }
  return "false";
}

void AppendOptional(std::optional<int64_t> number, Output* out) {
  if (number.has_value()) {
    out->AppendInteger(*number);
  } else {
    out->Append("null");
  }
}

absl::Status AppendDocument(bson::View document, Output* out) {
  if (!document.present()) {
    out->Append("null");
    return absl::OkStatus();
  }
  out->Append('"');
  SHARDTAIL_RETURN_IF_ERROR(AppendValueJson(document, out));
  out->Append('"');
  return absl::OkStatus();
}

absl::Status AppendDocuments(const ChangeEvent& event, Output* out) {
  const bool updates = event.operation == Operation::kUpdate;
  const bool has_after =
      event.operation == Operation::kRead || event.operation == Operation::kCreate;
  SHARDTAIL_RETURN_IF_ERROR(AppendDocument(has_after ? event.document : bson::View(), out));
  out->Append(R"(,"patch":)");
  SHARDTAIL_RETURN_IF_ERROR(AppendDocument(updates ? event.document : bson::View(), out));
  out->Append(R"(,"filter":)");
  return AppendDocument(has_after ? bson::View() : event.filter, out);
}

}  // namespace

JsonEncoder::JsonEncoder(Options options) : options_(std::move(options)) {
  if (options_.value_schema) {
    schema_begin_ = R"({"schema":)" + ValueSchemaBegin(options_.source_version);
  }
}

CollectionTemplate JsonEncoder::MakeTemplate(const event::Namespace& ns,
                                             std::string_view replica_set) const {
  const std::string topic = ToTopicName(fmt::format("{}.{}", options_.logical_name, ns.full));
  const bool v1 = options_.source_version == SourceVersion::kV1;

  CollectionTemplate made;
  made.topic = topic;
  if (options_.key_schema) {
    made.key_head = fmt::format(R"({{"schema":{},"payload":)", KeySchemaJson(topic));
  }
  made.key_head += R"({"id":")";
  made.key_tail = options_.key_schema ? R"("}})" : R"("})";
  if (options_.value_schema) made.value_head = ValueSchemaEnd(topic) + R"(,"payload":)";
  made.value_head += R"({"after":)";
  made.value_tail = options_.value_schema ? "}" : "";
  made.source_head =
      fmt::format(R"(,"source":{{"version":{},"connector":"mongodb","name":{})",
                  QuoteJson(options_.connector_version), QuoteJson(options_.logical_name));
  if (v1) {
    made.source_head +=
        fmt::format(R"(,"rs":{},"ns":{},"sec":)", QuoteJson(replica_set), QuoteJson(ns.full));
  } else {
    made.source_head += R"(,"ts_ms":)";
    made.source_names = fmt::format(R"(,"db":{},"rs":{},"collection":{})", QuoteJson(ns.database()),
                                    QuoteJson(replica_set), QuoteJson(ns.collection()));
  }
  return made;
}

absl::Status JsonEncoder::Encode(const ChangeEvent& event, const CollectionTemplate& collection,
                                 int64_t now_millis, std::string* key, std::string* value) const {
  if (event.id.value == nullptr) {
    return absl::DataLossError("the document has no _id, so the event has no key");
  }
  Output key_out(key);
  key_out.Append(collection.key_head);
  SHARDTAIL_RETURN_IF_ERROR(AppendKeyJson(event.id, &key_out));
  key_out.Append(collection.key_tail);

  Output out(value);
  out.Append(schema_begin_);
  out.Append(collection.value_head);
  SHARDTAIL_RETURN_IF_ERROR(AppendDocuments(event, &out));
  AppendSource(event, collection, &out);
  out.Append(R"(,"op":")");
  out.Append(event::ToLetter(event.operation));
  out.Append(R"(","ts_ms":)");
  out.AppendInteger(now_millis);
  if (event.transaction.has_value()) {
    out.Append(R"(,"transaction":{"id":")");
    out.Append(event.transaction->id);
    out.Append(R"(","total_order":)");
    out.AppendInteger(event.transaction->total_order);
    out.Append(R"(,"data_collection_order":)");
    out.AppendInteger(event.transaction->data_collection_order);
    out.Append("}}");
  } else {
    out.Append(R"(,"transaction":null})");
  }
  out.Append(collection.value_tail);
  return absl::OkStatus();
}

void JsonEncoder::AppendSource(const ChangeEvent& event, const CollectionTemplate& collection,
                               Output* out) const {
  const bson::Timestamp ts = event.position.ts;
  // The schema says int32, and Java's numbers wrap around there.
  const auto ord = static_cast<int32_t>(ts.increment);
  out->Append(collection.source_head);
  if (options_.source_version == SourceVersion::kV1) {
    out->AppendInteger(static_cast<int32_t>(ts.seconds));
    out->Append(R"(,"ord":)");
    out->AppendInteger(ord);
    out->Append(R"(,"h":)");
    AppendOptional(event.h, out);
    out->Append(R"(,"initsync":)");
    out->Append(event.snapshot == SnapshotMark::kFalse ? std::string_view("false}") : "true}");
    return;
  }
  out->AppendInteger(int64_t{ts.seconds} * 1000);
  out->Append(R"(,"snapshot":")");
  out->Append(ToText(event.snapshot));
  out->Append('"');
  out->Append(collection.source_names);
  out->Append(R"(,"ord":)");
  out->AppendInteger(ord);
  out->Append(R"(,"h":)");
  AppendOptional(event.h, out);
  out->Append(R"(,"tord":)");
  AppendOptional(event.position.index > 0 ? std::optional(event.position.index) : std::nullopt,
                 out);
  out->Append(R"(,"stxnid":)");
  if (event.session.present) {
    out->Append('"');
    AppendUuid(event.session.session_id.data(), out);
    out->Append(':');
    out->AppendInteger(event.session.number);
    out->Append(R"("})");
  } else {
    out->Append("null}");
  }
}

}  // namespace shardtail::encoding
