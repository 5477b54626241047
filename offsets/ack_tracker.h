#ifndef SHARDTAIL_OFFSETS_ACK_TRACKER_H_
#define SHARDTAIL_OFFSETS_ACK_TRACKER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "offsets/stored_offset.h"

namespace shardtail::offsets {

// Turns deliveries that end in any order into one offset to resume from.
//
// The broker acknowledges per partition, so the records of one replica set are delivered out of
// order. An offset may be stored only when every record up to it has been delivered; this class
// computes that low-water mark. Oplog entries without a record count too (Pass): a replica set
// whose writes are all filtered would else keep its old offset until it fell off the oplog.
//
// A failed delivery stops the low-water mark for good, before the failed record.
//
// Open() and Pass() belong to the replica set's thread; the other functions may be called from any
// thread.
class AckTracker {
 public:
  AckTracker();

  // A record is about to be sent; `offset` may be stored once it and all before it are delivered.
  // `bytes`: the record's size, for pending_bytes(). Returns its ticket: consecutive numbers
  // from 1.
  uint64_t Open(const StoredOffset& offset, int64_t bytes = 0);

  // Everything up to `offset` was handled, without a record of its own.
  void Pass(const StoredOffset& offset);

  void Acknowledge(std::span<const uint64_t> tickets);
  void Fail(uint64_t ticket, const absl::Status& status);

  // The newest offset up to which all is delivered; nullopt before the first.
  std::optional<StoredOffset> LowWaterMark() const;

  // The first failure; OK while there is none.
  absl::Status failure() const;

  // The newest ticket; 0 before the first.
  uint64_t last_ticket() const;
  // All tickets up to this one are acknowledged.
  uint64_t settled() const;

  // Records opened and not acknowledged, failed ones among them.
  int64_t pending() const;
  int64_t pending_bytes() const;

 private:
  static constexpr int64_t kDone = -1;

  size_t Slot(uint64_t ticket) const { return ticket & (bytes_.size() - 1); }
  void Grow();
  void Settle(uint64_t next);  // with mutex_ held: moves the low-water mark over what is done

  // Open() takes it only to grow: to sleep for it once in a batch of the broker's cost a twentieth
  // of a catch-up (docs/decisions/0017).
  mutable std::mutex mutex_;

  // Two rings, of the tickets [first_, next_) by their lower bits; their size is a power of two.
  // They grow to the most records that were ever in flight, and are not touched by an allocator
  // after that. Behind next_ they are the replica set's thread's, before it guarded by mutex_;
  // changed in size by that thread with mutex_ held.
  std::vector<StoredOffset> offsets_;
  std::vector<int64_t> bytes_;  // kDone once acknowledged; alone, to be dense for Acknowledge()

  std::atomic<uint64_t> next_ = 1;          // written by the replica set's thread, as is the next
  std::atomic<int64_t> opened_bytes_ = 0;   // of all tickets
  std::atomic<uint64_t> first_ = 1;         // the oldest that is not settled; written with mutex_
  std::atomic<uint64_t> acknowledged_ = 0;  // held, as are the next two
  std::atomic<int64_t> acknowledged_bytes_ = 0;
  std::atomic<bool> failed_ = false;            // set after failure_; asked for every event
  std::optional<StoredOffset> low_water_mark_;  // guarded by mutex_, as is the next
  absl::Status failure_;
};

}  // namespace shardtail::offsets

#endif  // SHARDTAIL_OFFSETS_ACK_TRACKER_H_
