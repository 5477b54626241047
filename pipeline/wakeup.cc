#include "pipeline/wakeup.h"

#include <utility>

namespace shardtail::pipeline {

void Wakeup::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

bool Wakeup::Wait(absl::Duration timeout, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, absl::ToChronoNanoseconds(timeout), [this] { return woken_; });
  return std::exchange(woken_, false);
}

}  // namespace shardtail::pipeline
