#ifndef SHARDTAIL_METRICS_HISTOGRAM_H_
#define SHARDTAIL_METRICS_HISTOGRAM_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "metrics/counter.h"

namespace shardtail::metrics {

// Upper bounds of latencies, in milliseconds: 1 ms to an hour.
inline constexpr std::array<int64_t, 18> kLatencyBounds = {
    1,    2,    5,    10,    20,    50,    100,    200,     500,
    1000, 2000, 5000, 10000, 30000, 60000, 300000, 1800000, 3600000};

// Upper bounds of numbers of operations.
inline constexpr std::array<int64_t, 9> kCountBounds = {1,    2,     5,      10,     100,
                                                        1000, 10000, 100000, 1000000};

// Whole numbers counted in fixed buckets. One thread writes, any reads; nothing is locked, so what
// a reader sees may lack the last value in one of the figures.
class Histogram {
 public:
  // `bounds` ascend and live as long as the process.
  explicit Histogram(std::span<const int64_t> bounds) : bounds_(bounds) {}

  // Negative values, which clocks that differ give, count as 0.
  void Observe(int64_t value) {
    value = std::max<int64_t>(value, 0);
    size_t bucket = 0;
    while (bucket < bounds_.size() && bounds_[bucket] < value) ++bucket;
    buckets_[bucket].Add();
    sum_.Add(value);
  }

  std::span<const int64_t> bounds() const { return bounds_; }
  // Values above the bound before and up to this one; the last: above all bounds.
  int64_t bucket(size_t index) const { return buckets_[index].value(); }
  int64_t sum() const { return sum_.value(); }

 private:
  static constexpr size_t kMostBounds = 18;

  const std::span<const int64_t> bounds_;
  std::array<Counter, kMostBounds + 1> buckets_;
  Counter sum_;
};

}  // namespace shardtail::metrics

#endif  // SHARDTAIL_METRICS_HISTOGRAM_H_
