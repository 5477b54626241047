#ifndef SHARDTAIL_METRICS_COUNTER_H_
#define SHARDTAIL_METRICS_COUNTER_H_

#include <atomic>
#include <cstdint>

namespace shardtail::metrics {

// A number that one thread changes and any thread reads.
class Counter {
 public:
  void Add(int64_t amount = 1) {
    // One writer: a plain load and store, without the cost of a locked instruction.
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void Set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

}  // namespace shardtail::metrics

#endif  // SHARDTAIL_METRICS_COUNTER_H_
