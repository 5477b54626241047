#include "base/backoff.h"

#include <algorithm>

namespace shardtail::base {

Backoff::Backoff(absl::Duration initial, absl::Duration maximum, uint64_t seed)
    : initial_(initial), maximum_(maximum), random_state_(seed) {}

absl::Duration Backoff::Next() {
  const int doublings = std::min(failures_, 30);
  ++failures_;
  const absl::Duration delay = std::min(initial_ * (int64_t{1} << doublings), maximum_);
  // SplitMix64: no more randomness than this is needed.
  random_state_ += 0x9e3779b97f4a7c15U;
  uint64_t z = random_state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  const double jitter = static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
  return delay * (1.0 - 0.2 * jitter);
}

}  // namespace shardtail::base
