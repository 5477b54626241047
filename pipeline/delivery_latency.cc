#include "pipeline/delivery_latency.h"

namespace shardtail::pipeline {
namespace {

// While the sink takes nothing for long: more samples would tell no more.
constexpr size_t kMostSamples = 4096;

}  // namespace

void DeliveryLatency::Sent(uint64_t ticket, int64_t written) {
  const std::lock_guard lock(mutex_);
  // Nothing was sent since, or the server gave no time.
  if (ticket == last_ticket_ || written == 0) return;
  last_ticket_ = ticket;
  if (samples_.size() >= kMostSamples) return;
  samples_.push_back({.ticket = ticket, .written = written});
  waiting_.store(static_cast<int64_t>(samples_.size()), std::memory_order_relaxed);
}

void DeliveryLatency::Settle(uint64_t ticket, int64_t now) {
  const std::lock_guard lock(mutex_);
  while (!samples_.empty() && samples_.front().ticket <= ticket) {
    histogram_.Observe(now - samples_.front().written);
    samples_.pop_front();
  }
  waiting_.store(static_cast<int64_t>(samples_.size()), std::memory_order_relaxed);
}

}  // namespace shardtail::pipeline
