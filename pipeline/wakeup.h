#ifndef SHARDTAIL_PIPELINE_WAKEUP_H_
#define SHARDTAIL_PIPELINE_WAKEUP_H_

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "absl/time/time.h"

namespace shardtail::pipeline {

// Ends the wait of one thread when others have work for it.
class Wakeup {
 public:
  // Ends the wait, or the next one. Any thread.
  void Wake();

  // Returns after a Wake() since the last return, after `timeout`, or as soon as `stop` is
  // requested. True after a Wake().
  bool Wait(absl::Duration timeout, const std::stop_token& stop);

 private:
  std::mutex mutex_;  // guards woken_
  std::condition_variable_any changed_;
  bool woken_ = false;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_WAKEUP_H_
