#include "tailer/entry_decoder.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "tailer/transaction_chain.h"

namespace shardtail::tailer {
namespace {

using bson::Element;
using event::ChangeEvent;
using event::Operation;

// Nested `applyOps`, which servers unpack before they log them.
constexpr int kMaxNesting = 20;

absl::Status Broken(const event::Position& position, std::string_view ns, std::string_view why) {
  return absl::DataLossError(fmt::format("the oplog entry {} of {} cannot be decoded: {}",
                                         event::ToString(position),
                                         ns.empty() ? "no namespace" : ns, why));
}

std::optional<Element> FirstElement(bson::View document) {
  bson::Reader reader(document);
  Element first;
  if (!reader.Next(&first)) return std::nullopt;
  return first;
}

bool Has(bson::View command, std::string_view flag) {
  const auto element = command.Find(flag);
  return element.has_value() && element->IsTrue();
}

// The last entry of a transaction in several says how many operations they hold together.
absl::Status CheckCount(const event::Position& position, std::string_view ns, int64_t stated,
                        int64_t found) {
  if (stated == found || stated == kNotStated) return absl::OkStatus();
  return Broken(position, ns,
                fmt::format("the transaction's entries hold {} operations, and the last says {}",
                            found, stated));
}

// The diff of an update that is logged as one: {$v: 2, diff: {…}}. By its version and not by the
// server's: one at an older feature compatibility version logs the older form. A replacement begins
// with `_id`, whatever else it holds.
std::optional<Element> DiffOf(bson::View update) {
  const auto version = FirstElement(update);
  if (!version.has_value() || version->name != "$v" || version->GetInteger() != 2) {
    return std::nullopt;
  }
  return update.Find("diff").value_or(Element{});
}

}  // namespace

EntryDecoder::EntryDecoder(EntryLookup& lookup, metrics::TailerMetrics& metrics, Captures captures,
                           OnBroken on_broken, OnArrival on_arrival)
    : lookup_(lookup),
      metrics_(metrics),
      captures_(std::move(captures)),
      on_broken_(std::move(on_broken)),
      on_arrival_(std::move(on_arrival)) {}

absl::Status EntryDecoder::Decode(bson::View bytes, Consume consume) {
  metrics_.entries.Add();
  metrics_.bytes.Add(bytes.size());
  OplogEntry entry;
  const absl::Status parsed = ParseOplogEntry(bytes, &entry);
  ChangeEvent event;
  event.position = {entry.ts.value_or(bson::Timestamp{}), 0};
  if (!parsed.ok()) return Broken(event.position, entry.ns, std::string(parsed.message()));
  if (!entry.ts.has_value()) return Broken(event.position, entry.ns, "it has no field 'ts'");
  if (entry.wall != 0) {
    metrics_.entry_millis.Set(entry.wall);
    const int64_t read_at = metrics_.batch_millis.value();
    if (read_at != 0) metrics_.read_latency.Observe(read_at - entry.wall);
  }
  event.session = entry.session;
  event.h = entry.h;
  if (entry.op == "c") return DecodeCommand(entry, &event, consume);
  return DecodeOperation(entry, &event, consume);
}

absl::Status EntryDecoder::DecodeCommand(const OplogEntry& entry, ChangeEvent* event,
                                         Consume consume) {
  if (entry.from_migrate) {
    metrics_.migrations.Add();
    return absl::OkStatus();
  }
  const auto command = FirstElement(entry.o);
  const std::string_view name = command.has_value() ? command->name : std::string_view();
  if (name == "applyOps") {
    if (command->type != bson::Type::kArray) {
      return Broken(event->position, entry.ns, "its applyOps is no array");
    }
    return DecodeApplyOps(entry, command->AsDocument(), event, consume);
  }
  if (name == "commitTransaction") return DecodeCommit(entry, event, consume);
  if (name == "renameCollection") SHARDTAIL_RETURN_IF_ERROR(CheckRename(entry, *command));
  if (name == "abortTransaction") {
    metrics_.aborted_transactions.Add();
  } else {
    metrics_.commands.Add();
  }
  return absl::OkStatus();
}

absl::Status EntryDecoder::CheckRename(const OplogEntry& entry, const Element& command) {
  const auto target = entry.o.Find("to");
  const auto from = event::Namespace::Parse(command.GetString().value_or(""));
  const auto to = event::Namespace::Parse(target.has_value() ? target->GetString().value_or("")
                                                             : std::string_view());
  if (captures_ == nullptr || !from.has_value() || !to.has_value()) return absl::OkStatus();
  SHARDTAIL_ASSIGN_OR_RETURN(const bool to_captured, captures_(*to));
  if (!to_captured) return absl::OkStatus();
  SHARDTAIL_ASSIGN_OR_RETURN(const bool from_captured, captures_(*from));
  // What is resharded was captured under the name that it gets, on the shards that it comes from.
  if (from_captured || from->collection().starts_with("system.resharding.")) {
    return absl::OkStatus();
  }
  metrics_.renames_into_captured.Add();
  if (on_arrival_ != nullptr && entry.ui != nullptr) return on_arrival_(entry.ui, *to);
  base::LogWarn(
      "{} was renamed to {} at {}: the documents it held before make no events; their topic has "
      "only what changes from now on",
      from->full, to->full, event::ToString({entry.ts.value_or(bson::Timestamp{}), 0}));
  return absl::OkStatus();
}

absl::Status EntryDecoder::DecodeApplyOps(const OplogEntry& entry, bson::View operations,
                                          ChangeEvent* event, Consume consume) {
  // Parts of a transaction that its commit will fetch, if it ever comes.
  if (Has(entry.o, "partialTxn") || Has(entry.o, "prepare")) return absl::OkStatus();
  const bool is_transaction = entry.session.present && !entry.applied_apart;
  if (!is_transaction) return DecodeOperations(operations, 0, event, consume);
  metrics_.transactions.Add();
  if (entry.previous == bson::Timestamp{}) {
    SHARDTAIL_RETURN_IF_ERROR(DecodeOperations(operations, 0, event, consume));
    metrics_.transaction_operations.Observe(event->position.index);
    return absl::OkStatus();
  }
  event->spans_entries = true;
  const auto chain = TransactionChain::Walk(lookup_, entry.session, entry.previous, false);
  if (absl::IsDataLoss(chain.status())) {
    return Broken(event->position, entry.ns, std::string(chain.status().message()));
  }
  SHARDTAIL_RETURN_IF_ERROR(chain.status());
  SHARDTAIL_RETURN_IF_ERROR(CheckCount(event->position, entry.ns, StatedOperations(entry.o),
                                       chain->operations() + CountOperations(operations)));
  SHARDTAIL_RETURN_IF_ERROR(chain->ForEach(
      [&](bson::View earlier) { return DecodeOperations(earlier, 0, event, consume); }));
  SHARDTAIL_RETURN_IF_ERROR(DecodeOperations(operations, 0, event, consume));
  metrics_.transaction_operations.Observe(event->position.index);
  return absl::OkStatus();
}

absl::Status EntryDecoder::DecodeCommit(const OplogEntry& entry, ChangeEvent* event,
                                        Consume consume) {
  metrics_.transactions.Add();
  if (!entry.session.present || entry.previous == bson::Timestamp{}) {
    return Broken(event->position, entry.ns, "a commitTransaction without its transaction");
  }
  event->spans_entries = true;
  const auto chain = TransactionChain::Walk(lookup_, entry.session, entry.previous, true);
  if (absl::IsDataLoss(chain.status())) {
    return Broken(event->position, entry.ns, std::string(chain.status().message()));
  }
  SHARDTAIL_RETURN_IF_ERROR(chain.status());
  SHARDTAIL_RETURN_IF_ERROR(
      CheckCount(event->position, entry.ns, chain->stated_operations(), chain->operations()));
  SHARDTAIL_RETURN_IF_ERROR(chain->ForEach(
      [&](bson::View operations) { return DecodeOperations(operations, 0, event, consume); }));
  metrics_.transaction_operations.Observe(event->position.index);
  return absl::OkStatus();
}

absl::Status EntryDecoder::DecodeOperations(bson::View operations, int depth, ChangeEvent* event,
                                            Consume consume) {
  if (depth > kMaxNesting) return Broken(event->position, "applyOps", "it is nested too deeply");
  bson::Reader reader(operations);
  Element element;
  OplogEntry operation;
  while (reader.Next(&element)) {
    if (element.type != bson::Type::kDocument) {
      return Broken(event->position, "applyOps",
                    fmt::format("operation {} is no document", element.name));
    }
    if (absl::Status parsed = ParseOplogEntry(element.AsDocument(), &operation); !parsed.ok()) {
      return Broken(event->position, operation.ns,
                    fmt::format("operation {}: {}", element.name, std::string(parsed.message())));
    }
    if (operation.op == "c") {
      const auto command = FirstElement(operation.o);
      if (command.has_value() && command->name == "applyOps" &&
          command->type == bson::Type::kArray && !operation.from_migrate) {
        SHARDTAIL_RETURN_IF_ERROR(
            DecodeOperations(command->AsDocument(), depth + 1, event, consume));
        continue;
      }
      (operation.from_migrate ? metrics_.migrations : metrics_.commands).Add();
      ++event->position.index;
      continue;
    }
    ++event->position.index;
    absl::Status decoded = DecodeOperation(operation, event, consume);
    if (absl::IsDataLoss(decoded) && on_broken_ != nullptr) decoded = on_broken_(decoded);
    SHARDTAIL_RETURN_IF_ERROR(decoded);
  }
  if (reader.corrupt()) {
    return Broken(event->position, "applyOps",
                  fmt::format("broken BSON after operation {}", element.name));
  }
  return absl::OkStatus();
}

absl::Status EntryDecoder::DecodeOperation(const OplogEntry& operation, ChangeEvent* event,
                                           Consume consume) {
  if (operation.op == "n") {
    CountNoop(operation);
    return absl::OkStatus();
  }
  const char kind = operation.op.size() == 1 ? operation.op[0] : '\0';
  if (kind != 'i' && kind != 'u' && kind != 'd') {
    return Broken(event->position, operation.ns,
                  fmt::format("its operation '{}' is unknown", operation.op));
  }
  if (operation.from_migrate) {
    metrics_.migrations.Add();
    return absl::OkStatus();
  }
  const auto ns = event::Namespace::Parse(operation.ns);
  if (!ns.has_value()) return Broken(event->position, operation.ns, "no collection's namespace");
  event->ns = *ns;
  event->collection_uuid = operation.ui;
  // The document's key has the shard key's fields as well, and before it.
  const bson::View key = kind == 'u' ? operation.o2 : operation.o;
  const auto id = key.Find("_id");
  if (!id.has_value()) {
    return Broken(event->position, operation.ns,
                  fmt::format("there is no _id in '{}'", kind == 'u' ? "o2" : "o"));
  }
  event->id = *id;
  if (kind == 'u') return DecodeUpdate(operation, event, consume);
  event->operation = kind == 'i' ? Operation::kCreate : Operation::kDelete;
  event->document = kind == 'i' ? operation.o : bson::View();
  event->filter = kind == 'i' ? bson::View() : operation.o;
  return consume(*event);
}

absl::Status EntryDecoder::DecodeUpdate(const OplogEntry& operation, ChangeEvent* event,
                                        Consume consume) {
  event->operation = Operation::kUpdate;
  event->document = operation.o;
  event->filter = operation.o2;
  const auto diff = DiffOf(operation.o);
  if (!diff.has_value()) return consume(*event);
  if (diff->type != bson::Type::kDocument) {
    return Broken(event->position, operation.ns, "an update with $v: 2 has no diff");
  }
  const auto has_form = update_diff_.ToModifiers(diff->AsDocument(), &patch_);
  if (!has_form.ok()) {
    return Broken(event->position, operation.ns, std::string(has_form.status().message()));
  }
  if (!*has_form) return LookUpReplacement(event, consume);
  event->document = patch_.view();
  return consume(*event);
}

absl::Status EntryDecoder::LookUpReplacement(ChangeEvent* event, Consume consume) {
  if (captures_ != nullptr) {
    SHARDTAIL_ASSIGN_OR_RETURN(const bool captured, captures_(event->ns));
    if (!captured) return absl::OkStatus();
  }
  const auto found = lookup_.FindDocument(event->ns, event->id, event->position.ts);
  if (found.ok()) {
    event->document = *found;
    return consume(*event);
  }
  if (absl::IsNotFound(found.status())) {
    base::LogWarn(
        "the update {} of {} has no form as $set and $unset, and its document is gone: passed "
        "over, as the document's delete follows. On a shard it may have moved away instead: then "
        "copy it once more with a signal",
        event::ToString(event->position), event->ns.full);
    return absl::OkStatus();
  }
  const std::string why(found.status().message());
  if (absl::IsUnimplemented(found.status())) return Broken(event->position, event->ns.full, why);
  return absl::Status(
      found.status().code(),
      fmt::format("looking up the document of the update {} of {}, which has no form as $set and "
                  "$unset: {}",
                  event::ToString(event->position), event->ns.full, why));
}

void EntryDecoder::CountNoop(const OplogEntry& entry) {
  metrics_.noops.Add();
  const auto message = entry.o.Find("msg");
  if (message.has_value() && message->GetString() == "new primary") metrics_.elections.Add();
}

absl::StatusOr<bson::Timestamp> EntryTimestamp(bson::View entry) {
  const auto ts = entry.Find("ts");
  if (!ts.has_value() || ts->type != bson::Type::kTimestamp) {
    return absl::DataLossError("an oplog entry has no timestamp in 'ts'");
  }
  return ts->AsTimestamp();
}

}  // namespace shardtail::tailer
