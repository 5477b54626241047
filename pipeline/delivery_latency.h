#ifndef SHARDTAIL_PIPELINE_DELIVERY_LATENCY_H_
#define SHARDTAIL_PIPELINE_DELIVERY_LATENCY_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>

#include "metrics/histogram.h"

namespace shardtail::pipeline {

// Measures how long it takes from the server's write to the acknowledgement of it and all before
// it, by samples: one in some hundred records costs nothing, and those between took no longer. All
// functions are safe for any thread, but the histogram is written by Settle()'s only.
class DeliveryLatency {
 public:
  // `histogram`, in milliseconds, must outlive it.
  explicit DeliveryLatency(metrics::Histogram& histogram) : histogram_(histogram) {}

  // The newest record in the sink is `ticket`, of what the server wrote at `written`, milliseconds
  // since the Unix epoch.
  void Sent(uint64_t ticket, int64_t written);

  // All up to `ticket` is acknowledged at `now`, milliseconds since the Unix epoch.
  void Settle(uint64_t ticket, int64_t now);

  // Whether a sample waits for its acknowledgement. Without a lock.
  bool waiting() const { return waiting_.load(std::memory_order_relaxed) > 0; }

 private:
  struct Sample {
    uint64_t ticket;
    int64_t written;
  };

  metrics::Histogram& histogram_;
  std::atomic<int64_t> waiting_ = 0;
  std::mutex mutex_;  // guards what is below
  std::deque<Sample> samples_;
  uint64_t last_ticket_ = 0;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_DELIVERY_LATENCY_H_
