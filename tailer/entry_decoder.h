#ifndef SHARDTAIL_TAILER_ENTRY_DECODER_H_
#define SHARDTAIL_TAILER_ENTRY_DECODER_H_

#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "event/change_event.h"
#include "metrics/tailer_metrics.h"
#include "mongo/bson.h"
#include "tailer/oplog_entry.h"
#include "tailer/oplog_source.h"
#include "tailer/update_diff.h"

namespace shardtail::tailer {

// Turns one oplog entry into the change events that it makes visible: one for a plain insert,
// update or delete; all of a transaction's, at its commit, in order; none for what is no change
// (no-ops, DDL, index builds, migrations). What is none is counted by kind.
//
// Keeps no state between entries: a transaction in several entries, or a prepared one, is read back
// along `prevOpTime` when its commit entry arrives, so a restart never needs an older position. Its
// entries are fetched one at a time, so memory stays bounded by one entry (16 MB) whatever the
// size.
//
// An event of a plain entry has index 0. The operations of a transaction are numbered from 1 over
// all its entries, and so are those of an operator's `applyOps` that is atomic (it has no session)
// and of 8.0's batched inserts (`multiOpType: 1`: separate retryable writes in one entry). Every
// operation takes a number, also one that makes no event (DDL inside a transaction, a migration's
// write): so Debezium 1.3.1 counts `tord`. Of nested `applyOps` the inner ones count.
//
// MongoDB 5's diffs become modifiers, see UpdateDiff. What has no such form becomes a replacement,
// as older servers log the same update: the document is looked up as it was at the entry's time. It
// may be newer, for entries older than the server's history; the patches that follow then lead to
// the same document. Where it was deleted since there is no event: its delete follows.
//
// The views in an event are valid during the call of `consume` only. When `consume` fails, Decode()
// stops and returns its status. One thread at a time.
class EntryDecoder {
 public:
  using Consume = absl::FunctionRef<absl::Status(const event::ChangeEvent&)>;

  // Whether anybody wants the events of a collection.
  using Captures = std::function<absl::StatusOr<bool>(const event::Namespace&)>;

  // Hears of an operation inside a transaction that cannot be decoded (kDataLoss). OK: it is left
  // out, and the others follow; an error ends the decoding with it.
  using OnBroken = std::function<absl::Status(const absl::Status&)>;

  // Hears of a collection that came under a captured name from one that is not: `to`, and its
  // UUID of 16 bytes. An error ends the decoding with it.
  using OnArrival =
      std::function<absl::Status(const uint8_t* collection, const event::Namespace& to)>;

  // All references must outlive the decoder. Only documents of collections that `captures` accepts
  // are looked up (an update of another one that would need it makes no event); without it, all.
  EntryDecoder(EntryLookup& lookup, metrics::TailerMetrics& metrics, Captures captures = {},
               OnBroken on_broken = {}, OnArrival on_arrival = {});

  //   kDataLoss    the entry, or an operation in it, cannot be decoded; the message names its
  //                optime, namespace, and what is wrong. Events before the broken one were consumed
  //   kOutOfRange  a transaction began before the oplog's oldest entry
  //   others       from the lookup
  absl::Status Decode(bson::View bytes, Consume consume);

 private:
  // What is the same in all events of one entry stands in `event` already.
  absl::Status DecodeCommand(const OplogEntry& entry, event::ChangeEvent* event, Consume consume);
  // Counts what comes under a captured name from one that is not captured ($out, a rename), and
  // tells of it.
  absl::Status CheckRename(const OplogEntry& entry, const bson::Element& command);
  absl::Status DecodeApplyOps(const OplogEntry& entry, bson::View operations,
                              event::ChangeEvent* event, Consume consume);
  absl::Status DecodeCommit(const OplogEntry& entry, event::ChangeEvent* event, Consume consume);
  absl::Status DecodeOperations(bson::View operations, int depth, event::ChangeEvent* event,
                                Consume consume);
  absl::Status DecodeOperation(const OplogEntry& operation, event::ChangeEvent* event,
                               Consume consume);
  absl::Status DecodeUpdate(const OplogEntry& operation, event::ChangeEvent* event,
                            Consume consume);
  absl::Status LookUpReplacement(event::ChangeEvent* event, Consume consume);
  void CountNoop(const OplogEntry& entry);

  EntryLookup& lookup_;
  metrics::TailerMetrics& metrics_;
  const Captures captures_;
  const OnBroken on_broken_;
  const OnArrival on_arrival_;
  UpdateDiff update_diff_;
  bson::Builder patch_;
};

// The `ts` of an oplog entry; kDataLoss where it has none.
absl::StatusOr<bson::Timestamp> EntryTimestamp(bson::View entry);

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_ENTRY_DECODER_H_
