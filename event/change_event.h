#ifndef SHARDTAIL_EVENT_CHANGE_EVENT_H_
#define SHARDTAIL_EVENT_CHANGE_EVENT_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "event/position.h"
#include "event/session.h"
#include "mongo/bson.h"

namespace shardtail::event {

enum class Operation : uint8_t { kRead, kCreate, kUpdate, kDelete };

// Debezium's `op` letter.
constexpr char ToLetter(Operation operation) {
  switch (operation) {
    case Operation::kRead:
      return 'r';
    case Operation::kCreate:
      return 'c';
    case Operation::kUpdate:
      return 'u';
    case Operation::kDelete:
      return 'd';
  }
  return '?';
}

// Debezium's `source.snapshot`.
enum class SnapshotMark : uint8_t { kFalse, kTrue, kLast };

// A namespace `db.collection`; the collection's name may hold dots.
struct Namespace {
  std::string_view full;     // "db.collection"
  size_t database_size = 0;  // length of the database's name

  std::string_view database() const { return full.substr(0, database_size); }
  std::string_view collection() const { return full.substr(database_size + 1); }

  // Splits at the first dot; nullopt when either part is empty.
  static std::optional<Namespace> Parse(std::string_view full) {
    const size_t dot = full.find('.');
    if (dot == std::string_view::npos || dot == 0 || dot + 1 == full.size()) return std::nullopt;
    return Namespace{full, dot};
  }
};

// Where an event stands among those of its transaction, in provide.transaction.metadata's terms.
struct TransactionPlace {
  std::string_view id;      // Debezium's: the session and transaction number, as in `stxnid`
  int64_t total_order = 0;  // from 1
  int64_t data_collection_order = 0;  // among the events of the same collection, from 1
};

// One change of one document. All views point into the buffer that the event was made from and are
// valid only during the call that hands the event over.
struct ChangeEvent {
  Position position;
  Operation operation = Operation::kCreate;
  SnapshotMark snapshot = SnapshotMark::kFalse;
  Namespace ns;
  const uint8_t* collection_uuid = nullptr;  // 16 bytes; null for a read, or where there is none
  bson::Element id;                          // the document's _id
  bson::View document;  // r, c: the document; u: the patch ($v:1 form) or replacement; d: absent
  bson::View filter;  // u, d: the document's key (`o2` of an update, `o` of a delete); else absent
  SessionTransaction session;
  std::optional<int64_t> h;  // the entry's `h`: 4.2 only
  // Of a transaction in several oplog entries, or a prepared one: Debezium 1.3 numbers its
  // operations otherwise, so the index in `position` means nothing to it.
  bool spans_entries = false;
  std::optional<TransactionPlace> transaction;  // only with transaction metadata
};

}  // namespace shardtail::event

#endif  // SHARDTAIL_EVENT_CHANGE_EVENT_H_
