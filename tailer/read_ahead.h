#ifndef SHARDTAIL_TAILER_READ_AHEAD_H_
#define SHARDTAIL_TAILER_READ_AHEAD_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "absl/status/statusor.h"
#include "tailer/oplog_source.h"

namespace shardtail::tailer {

// Reads a source on a thread of its own, one batch ahead of its consumer and no more, so that the
// server works on the next reply while this one is decoded and sent.
//
// The source's first error ends the reading; it comes after the batches before it, and stays.
//
// Next() belongs to one thread. The destructor interrupts the read that is under way.
class ReadAhead {
 public:
  explicit ReadAhead(std::unique_ptr<OplogSource> source);

  // The next batch, or the error that ended the source; nullopt when there is none within
  // `timeout`; kCancelled as soon as `stop` is requested.
  absl::StatusOr<std::optional<OplogBatch>> Next(absl::Duration timeout,
                                                 const std::stop_token& stop);

 private:
  void Read(const std::stop_token& stop);

  const std::unique_ptr<OplogSource> source_;
  std::mutex mutex_;  // guards next_
  std::condition_variable_any changed_;
  std::optional<absl::StatusOr<OplogBatch>> next_;
  std::jthread thread_;
};

}  // namespace shardtail::tailer

#endif  // SHARDTAIL_TAILER_READ_AHEAD_H_
