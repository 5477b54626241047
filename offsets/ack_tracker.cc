#include "offsets/ack_tracker.h"

#include <utility>

namespace shardtail::offsets {
namespace {

constexpr size_t kFirstSlots = 1024;

}  // namespace

AckTracker::AckTracker() : offsets_(kFirstSlots), bytes_(kFirstSlots) {}

uint64_t AckTracker::Open(const StoredOffset& offset, int64_t bytes) {
  const uint64_t ticket = next_.load(std::memory_order_relaxed);
  // What was settled is not read any more: see Settle().
  if (ticket - first_.load(std::memory_order_acquire) == bytes_.size()) Grow();
  offsets_[Slot(ticket)] = offset;
  bytes_[Slot(ticket)] = bytes;
  opened_bytes_.store(opened_bytes_.load(std::memory_order_relaxed) + bytes,
                      std::memory_order_relaxed);
  next_.store(ticket + 1, std::memory_order_release);
  return ticket;
}

void AckTracker::Pass(const StoredOffset& offset) {
  const std::lock_guard lock(mutex_);
  const uint64_t next = next_.load(std::memory_order_relaxed);
  if (first_.load(std::memory_order_relaxed) == next) {
    low_water_mark_ = offset;
  } else {
    // It needs no slot: it may be stored as soon as the newest record may, and instead of its
    // offset.
    offsets_[Slot(next - 1)] = offset;
  }
}

void AckTracker::Acknowledge(std::span<const uint64_t> tickets) {
  const std::lock_guard lock(mutex_);
  const uint64_t first = first_.load(std::memory_order_relaxed);
  const uint64_t next = next_.load(std::memory_order_acquire);
  uint64_t count = 0;
  int64_t sum = 0;
  for (const uint64_t ticket : tickets) {
    if (ticket < first || ticket >= next) continue;
    const int64_t bytes = std::exchange(bytes_[Slot(ticket)], kDone);
    if (bytes == kDone) continue;
    ++count;
    sum += bytes;
  }
  acknowledged_bytes_.fetch_add(sum, std::memory_order_release);
  acknowledged_.fetch_add(count, std::memory_order_release);
  Settle(next);
}

void AckTracker::Fail(uint64_t, const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  // The ticket's slot stays as it is, never done: the mark cannot pass it.
  if (failed_.load(std::memory_order_relaxed)) return;
  failure_ = status;
  failed_.store(true, std::memory_order_release);
}

std::optional<StoredOffset> AckTracker::LowWaterMark() const {
  const std::lock_guard lock(mutex_);
  return low_water_mark_;
}

absl::Status AckTracker::failure() const {
  if (!failed_.load(std::memory_order_acquire)) return absl::OkStatus();
  const std::lock_guard lock(mutex_);
  return failure_;
}

uint64_t AckTracker::last_ticket() const { return next_.load(std::memory_order_acquire) - 1; }

uint64_t AckTracker::settled() const { return first_.load(std::memory_order_acquire) - 1; }

int64_t AckTracker::pending() const {
  // In this order, as in the next: what is acknowledged was opened before.
  const uint64_t acknowledged = acknowledged_.load(std::memory_order_acquire);
  return static_cast<int64_t>(last_ticket() - acknowledged);
}

int64_t AckTracker::pending_bytes() const {
  const int64_t acknowledged = acknowledged_bytes_.load(std::memory_order_acquire);
  return opened_bytes_.load(std::memory_order_relaxed) - acknowledged;
}

void AckTracker::Settle(uint64_t next) {
  const uint64_t before = first_.load(std::memory_order_relaxed);
  uint64_t first = before;
  while (first != next && bytes_[Slot(first)] == kDone) ++first;
  if (first == before) return;
  low_water_mark_ = offsets_[Slot(first - 1)];
  // From here on Open() may use the slots again.
  first_.store(first, std::memory_order_release);
}

void AckTracker::Grow() {
  const std::lock_guard lock(mutex_);
  const size_t size = bytes_.size() * 2;
  std::vector<StoredOffset> offsets(size);
  std::vector<int64_t> bytes(size);
  const uint64_t next = next_.load(std::memory_order_relaxed);
  for (uint64_t ticket = first_.load(std::memory_order_relaxed); ticket != next; ++ticket) {
    offsets[ticket & (size - 1)] = std::move(offsets_[Slot(ticket)]);
    bytes[ticket & (size - 1)] = bytes_[Slot(ticket)];
  }
  offsets_ = std::move(offsets);
  bytes_ = std::move(bytes);
}

}  // namespace shardtail::offsets
