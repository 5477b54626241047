#ifndef SHARDTAIL_METRICS_LABEL_H_
#define SHARDTAIL_METRICS_LABEL_H_

#include <mutex>
#include <string>
#include <utility>

namespace shardtail::metrics {

// A text that now and then changes, such as the member that is read from. Safe for any thread.
class Label {
 public:
  void Set(std::string text) {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }
  std::string value() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;  // guards text_
  std::string text_;
};

}  // namespace shardtail::metrics

#endif  // SHARDTAIL_METRICS_LABEL_H_
