#ifndef SHARDTAIL_TAILER_READ_AHEAD_H_
#define SHARDTAIL_TAILER_READ_AHEAD_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tailer/oplog_source.h"

namespace shardtail::tailer {

// Reads a source on a thread of its own, one batch ahead of its consumer and no more, so that the
// server works on the next reply while this one is decoded and sent.
//
// The source's first error ends the reading; it comes after the batches before it, and stays.
//
// Now and then it asks how far back the oplog reaches, also while its consumer is held up: that is
// when a capture falls off the oplog.
//
// Next(), HasNext() and woken() belong to one thread. The destructor interrupts the read that is
// under way.
class ReadAhead {
 public:
  // Runs on the reading thread.
  using OnWindow = std::function<void(const OplogWindow&)>;

  // `on_window` is called after the first batch and then once in an interval, at most between two
  // reads; it must outlive the reader's end.
  explicit ReadAhead(std::unique_ptr<OplogSource> source,
                     absl::Duration window_interval = absl::InfiniteDuration(),
                     OnWindow on_window = nullptr);

  // Whether Next() would return at once.
  bool HasNext() const;

  // The next batch, or the error that ended the source; nullopt when there is none within
  // `timeout`, or after Wake(); kCancelled as soon as `stop` is requested.
  absl::StatusOr<std::optional<OplogBatch>> Next(absl::Duration timeout,
                                                 const std::stop_token& stop);

  // Ends the wait of Next(), or the next one: there is other work. Any thread.
  void Wake();
  // Whether there was a Wake() before the last Next() returned, and after the one before.
  bool woken() const { return woken_last_; }

 private:
  void Read(const std::stop_token& stop);
  // Hands `batch` over as soon as the one before it was taken; false after a stop.
  bool HandOver(absl::StatusOr<OplogBatch> batch, const std::stop_token& stop);
  void AskForWindowWhenDue();

  const std::unique_ptr<OplogSource> source_;
  const absl::Duration window_interval_;
  const OnWindow on_window_;
  absl::Duration window_due_;  // by the monotonic clock; the reading thread's
  mutable std::mutex mutex_;   // guards next_ and woken_
  std::condition_variable_any changed_;
  std::optional<absl::StatusOr<OplogBatch>> next_;
  bool woken_ = false;
  bool woken_last_ = false;  // the consumer's
  std::jthread thread_;
};

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_READ_AHEAD_H_
