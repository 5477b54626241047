#include "tailer/incoming_migrations.h"

#include <algorithm>
#include <utility>

namespace shardtail::tailer {
namespace {

constexpr std::string_view kRangeDeletions = "config.rangeDeletions";
constexpr std::string_view kResharding = ".system.resharding.";  // after the database's name
constexpr size_t kUuidSize = 16;

std::string IdOf(bson::View document) {
  const auto id = document.Find("_id");
  return id.has_value() ? std::string(reinterpret_cast<const char*>(id->value), id->value_size)
                        : "";
}

bool Holds(bson::View document, std::string_view section, std::string_view field) {
  const auto found = document.Find(section);
  return found.has_value() && found->GetDocument().has_value() &&
         found->AsDocument().Find(field).has_value();
}

// Whether an update takes `pending` from the document: as modifiers, a diff, or a replacement.
bool EndsPendingRange(bson::View update) {
  if (const auto diff = update.Find("diff"); diff.has_value() && diff->GetDocument().has_value()) {
    return Holds(diff->AsDocument(), "d", "pending");
  }
  if (update.Find("_id").has_value()) return !update.Find("pending").has_value();
  return Holds(update, "$unset", "pending");
}

}  // namespace

std::optional<IncomingRange> ParseIncomingRange(bson::View document) {
  const auto ns = document.Find("nss");
  if (!ns.has_value() || !ns->GetString().has_value()) return std::nullopt;
  return IncomingRange{.id = IdOf(document), .ns = std::string(*ns->GetString())};
}

void IncomingMigrations::BeginSettled() {
  everything_ = !gives_signs_;
  suspect_.clear();
  pending_.clear();
  seen_moving_.clear();
}

void IncomingMigrations::BeginUnknown(const IncomingRanges& pending) {
  everything_ = true;
  known_from_ = pending.read_at;
  suspect_.clear();
  pending_.clear();
  seen_moving_.clear();
  for (const IncomingRange& range : pending.ranges) pending_.emplace(range.id, range.ns);
}

void IncomingMigrations::Observe(const OplogEntry& entry) {
  if (entry.ns == kRangeDeletions) return ObserveRangeDeletion(entry);
  if (entry.op == "c") return ObserveCommand(entry);
  if (!entry.from_migrate) return;
  if (!suspect_.contains(entry.ns)) suspect_.emplace(entry.ns);
  if (entry.op == "i") ObserveArrival(entry);
}

void IncomingMigrations::ObserveArrival(const OplogEntry& insert) {
  if (insert.ui == nullptr) return;
  const std::string_view uuid(reinterpret_cast<const char*>(insert.ui), kUuidSize);
  if (seen_moving_.contains(uuid)) return;
  // Of a range it is told when all of it is here.
  const auto comes = [&insert](const auto& range) { return range.second == insert.ns; };
  if (std::ranges::any_of(pending_, comes)) return;
  seen_moving_.emplace(uuid);
  moving_.emplace_back(insert.ns);
}

void IncomingMigrations::ObserveRangeDeletion(const OplogEntry& entry) {
  if (entry.op == "i") {
    const auto pending = entry.o.Find("pending");
    const auto donor = entry.o.Find("donorShardId");
    if (!pending.has_value() || !pending->IsTrue()) return;
    if (donor.has_value() && donor->GetString().value_or("") == shard_) return;
    if (auto range = ParseIncomingRange(entry.o); range.has_value()) {
      suspect_.insert(range->ns);
      pending_[std::move(range->id)] = std::move(range->ns);
    }
  } else if (entry.op == "d") {
    EndPending(IdOf(entry.o));
  } else if (entry.op == "u" && EndsPendingRange(entry.o)) {
    EndPending(IdOf(entry.o2));
  }
}

void IncomingMigrations::EndPending(std::string_view id) {
  const auto pending = pending_.find(id);
  if (pending == pending_.end()) return;
  arrived_.push_back(std::move(pending->second));
  pending_.erase(pending);
}

void IncomingMigrations::ObserveCommand(const OplogEntry& entry) {
  bson::Reader reader(entry.o);
  bson::Element command;
  if (!reader.Next(&command)) return;
  if (command.name == "create") {
    suspect_.insert(std::string(entry.ns.substr(0, entry.ns.find('.') + 1)) +
                    std::string(command.GetString().value_or("")));
  } else if (command.name == "renameCollection") {
    if (const auto to = entry.o.Find("to"); to.has_value()) {
      suspect_.emplace(to->GetString().value_or(""));
      if (command.GetString().value_or("").find(kResharding) != std::string_view::npos) {
        moving_.emplace_back(to->GetString().value_or(""));
      }
    }
  } else if (command.name == "applyOps" && command.GetDocument().has_value()) {
    bson::Reader operations(command.AsDocument());
    OplogEntry operation;
    for (bson::Element element; operations.Next(&element);) {
      // What is broken is the decoder's to report.
      if (element.GetDocument().has_value() &&
          ParseOplogEntry(element.AsDocument(), &operation).ok()) {
        Observe(operation);
      }
    }
  }
}

void IncomingMigrations::Waited(bson::Timestamp ts) {
  if (!gives_signs_ || (everything_ && ts < known_from_)) return;
  everything_ = false;
  suspect_.clear();
  for (const auto& [id, ns] : pending_) suspect_.insert(ns);
}

}  // namespace shardtail::tailer
