#ifndef SHARDTAIL_TESTS_SINK_HEARD_H_
#define SHARDTAIL_TESTS_SINK_HEARD_H_

#include <mutex>
#include <vector>

#include "sink/sink.h"

namespace shardtail::sink {

// Remembers what it hears. Safe for any thread.
class Heard : public DeliveryListener {
 public:
  void OnDelivered(std::span<const Ticket> tickets) override {
    const std::lock_guard lock(mutex_);
    delivered_.insert(delivered_.end(), tickets.begin(), tickets.end());
  }
  void OnFailed(Ticket ticket, const absl::Status& status) override {
    const std::lock_guard lock(mutex_);
    failed_.push_back(ticket);
    status_ = status;
  }

  std::vector<Ticket> delivered() const {
    const std::lock_guard lock(mutex_);
    return delivered_;
  }
  std::vector<Ticket> failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
  }
  absl::Status status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  mutable std::mutex mutex_;  // guards all below
  std::vector<Ticket> delivered_;
  std::vector<Ticket> failed_;
  absl::Status status_;  // of the last failure
};

}  // namespace shardtail::sink

#endif  // SHARDTAIL_TESTS_SINK_HEARD_H_
