#ifndef SHARDTAIL_TESTS_FAKES_HEARD_H_
#define SHARDTAIL_TESTS_FAKES_HEARD_H_

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "kafka/producer.h"
#include "sink/sink.h"

namespace shardtail::fakes {

// Remembers what it hears, of a producer or a sink. Safe for any thread.
class Heard : public kafka::DeliveryListener, public sink::DeliveryListener {
 public:
  void OnDelivered(std::span<const uint64_t> tickets) override {
    const std::lock_guard lock(mutex_);
    delivered_.insert(delivered_.end(), tickets.begin(), tickets.end());
  }
  void OnFailed(uint64_t ticket, const absl::Status& status) override {
    const std::lock_guard lock(mutex_);
    failed_.push_back(ticket);
    status_ = status;
  }

  std::vector<uint64_t> delivered() const {
    const std::lock_guard lock(mutex_);
    return delivered_;
  }
  std::vector<uint64_t> failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
  }
  absl::Status status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  mutable std::mutex mutex_;  // guards all below
  std::vector<uint64_t> delivered_;
  std::vector<uint64_t> failed_;
  absl::Status status_;  // of the last failure
};

}  // namespace shardtail::fakes

#endif  // SHARDTAIL_TESTS_FAKES_HEARD_H_
