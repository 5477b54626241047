#include "tailer/oplog_entry.h"

#include <fmt/format.h>

#include <algorithm>

namespace shardtail::tailer {
namespace {

using bson::Element;
using bson::Type;

constexpr int64_t kAppliedApart = 1;  // MultiOplogEntryType in MongoDB's oplog_entry.idl

absl::Status WrongType(std::string_view name) {
  return absl::DataLossError(fmt::format("'{}' has a type that it cannot have", name));
}

// `lsid`: {id: UUID, uid: …}, and in internal sessions more.
bool ReadSessionId(const Element& element, event::SessionTransaction* session) {
  if (element.type != Type::kDocument) return false;
  const auto id = element.AsDocument().Find("id");
  if (!id.has_value() || id->type != Type::kBinary) return false;
  const std::string_view bytes = id->BinaryData();
  if (bytes.size() != session->session_id.size()) return false;
  std::ranges::copy(bytes, session->session_id.begin());
  return true;
}

// Takes one field over; false when its type is wrong.
bool ReadField(const Element& element, OplogEntry* entry) {
  const std::string_view name = element.name;
  const auto document = [&](bson::View* to) {
    if (element.type != Type::kDocument) return false;
    *to = element.AsDocument();
    return true;
  };
  const auto text = [&](std::string_view* to) {
    if (element.type != Type::kString) return false;
    *to = element.AsString();
    return true;
  };
  switch (name.empty() ? '\0' : name[0]) {
    case 'o':
      if (name == "o") return document(&entry->o);
      if (name == "o2") return document(&entry->o2);
      if (name == "op") return text(&entry->op);
      return true;
    case 'n':
      return name != "ns" || text(&entry->ns);
    case 't':
      if (name == "ts") {
        if (element.type != Type::kTimestamp) return false;
        entry->ts = element.AsTimestamp();
      } else if (name == "txnNumber") {
        if (element.type != Type::kInt64) return false;
        entry->session.number = element.AsInt64();
        entry->session.present = true;
      }
      return true;
    case 'h':
      if (name == "h") entry->h = element.GetInteger();
      return true;
    case 'u':
      if (name == "ui" && element.type == Type::kBinary && element.BinaryData().size() == 16) {
        entry->ui = reinterpret_cast<const uint8_t*>(element.BinaryData().data());
      }
      return true;
    case 'l':
      return name != "lsid" || ReadSessionId(element, &entry->session);
    case 'f':
      if (name == "fromMigrate") entry->from_migrate = element.IsTrue();
      return true;
    case 'm':
      if (name == "multiOpType") entry->applied_apart = element.GetInteger() == kAppliedApart;
      return true;
    case 'p':
      if (name == "prevOpTime") {
        if (element.type != Type::kDocument) return false;
        const auto ts = element.AsDocument().Find("ts");
        if (!ts.has_value() || ts->type != Type::kTimestamp) return false;
        entry->previous = ts->AsTimestamp();
      }
      return true;
    case 'w':
      if (name == "wall" && element.type == Type::kDate) entry->wall = element.AsDateMillis();
      return true;
    default:
      return true;
  }
}

}  // namespace

absl::Status ParseOplogEntry(bson::View bytes, OplogEntry* entry) {
  *entry = {};
  bson::Reader reader(bytes);
  Element element;
  bool has_session_id = false;
  while (reader.Next(&element)) {
    if (!ReadField(element, entry)) return WrongType(element.name);
    if (element.name == "lsid") has_session_id = true;
  }
  if (reader.corrupt()) {
    return absl::DataLossError(fmt::format("broken BSON after field '{}'", element.name));
  }
  entry->session.present = entry->session.present && has_session_id;
  if (!entry->session.present) entry->session = {};
  if (entry->op.empty()) return absl::DataLossError("it has no field 'op'");
  if (!entry->o.present()) return absl::DataLossError("it has no field 'o'");
  return absl::OkStatus();
}

}  // namespace shardtail::tailer
