#include "offsets/ack_tracker.h"

#include <utility>

namespace shardtail::offsets {
namespace {

constexpr size_t kFirstSlots = 1024;

}  // namespace

AckTracker::AckTracker() : slots_(kFirstSlots) {}

uint64_t AckTracker::Open(const StoredOffset& offset, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (next_ - first_ == slots_.size()) Grow();
  Slot& slot = At(next_);
  slot.offset = offset;
  slot.bytes = bytes;
  slot.done = false;
  ++pending_;
  pending_bytes_ += bytes;
  return next_++;
}

void AckTracker::Pass(const StoredOffset& offset) {
  const std::lock_guard lock(mutex_);
  if (first_ == next_) {
    low_water_mark_ = offset;
  } else {
    // It needs no slot: it may be stored as soon as the newest record may, and instead of its
    // offset.
    At(next_ - 1).offset = offset;
  }
}

void AckTracker::Acknowledge(std::span<const uint64_t> tickets) {
  const std::lock_guard lock(mutex_);
  for (const uint64_t ticket : tickets) {
    if (ticket < first_ || ticket >= next_ || std::exchange(At(ticket).done, true)) continue;
    --pending_;
    pending_bytes_ -= At(ticket).bytes;
  }
  Settle();
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

uint64_t AckTracker::last_ticket() const {
  const std::lock_guard lock(mutex_);
  return next_ - 1;
}

uint64_t AckTracker::settled() const {
  const std::lock_guard lock(mutex_);
  return first_ - 1;
}

int64_t AckTracker::pending() const {
  const std::lock_guard lock(mutex_);
  return pending_;
}

int64_t AckTracker::pending_bytes() const {
  const std::lock_guard lock(mutex_);
  return pending_bytes_;
}

void AckTracker::Settle() {
  const uint64_t before = first_;
  while (first_ != next_ && At(first_).done) ++first_;
  if (first_ != before) low_water_mark_ = At(first_ - 1).offset;
}

void AckTracker::Grow() {
  std::vector<Slot> larger(slots_.size() * 2);
  for (uint64_t ticket = first_; ticket != next_; ++ticket) {
    larger[ticket & (larger.size() - 1)] = At(ticket);
  }
  slots_ = std::move(larger);
}

}  // namespace shardtail::offsets
