#ifndef SHARDTAIL_SINK_STREAM_SINK_H_
#define SHARDTAIL_SINK_STREAM_SINK_H_

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "sink/shared_sink.h"

namespace shardtail::sink {

// Writes one JSON object a line: {"topic":"…","key":…,"value":…}, where key and value, which are
// JSON already, stand as they are, and a tombstone's value is null.
//
// Records are gathered and written at EndBatch(), or when there are many; a file is synced before
// they count as delivered. A reader that does not read is waited for, but never without an ear for
// the stop request. One thread at a time has its turn, so lines stay whole.
class StreamSink : public SharedSink {
 public:
  static absl::StatusOr<std::unique_ptr<StreamSink>> ToStandardOutput(DeliveryListener& listener);

  // Appends to the file, which is locked while the sink lives. A last line that a crash has torn is
  // cut off: it was never acknowledged, and comes again.
  //   kFailedPrecondition  another process has it, or its last line is none of ours
  static absl::StatusOr<std::unique_ptr<StreamSink>> ToFile(const std::string& path,
                                                            DeliveryListener& listener);

  // Writes to `descriptor`, which it takes; `name` is for messages.
  StreamSink(int descriptor, std::string name, DeliveryListener& listener);
  ~StreamSink() override;
  StreamSink(const StreamSink&) = delete;
  StreamSink& operator=(const StreamSink&) = delete;

  // Errors of both: kUnavailable when the disk is full, kFailedPrecondition when the reader has
  // closed the pipe; then failure() has them, and the file is closed and free for a new sink.
  absl::Status Send(const Record& record, Ticket ticket, const std::stop_token& stop) override;
  absl::Status EndBatch(absl::Duration timeout, const std::stop_token& stop) override;
  absl::Status failure() const override;

 private:
  // While it lives, its thread alone uses what is marked with "turn".
  class Turn;

  void Append(const Record& record);
  // Until all is written, `stop` is requested (kCancelled), or the time is over
  // (kDeadlineExceeded).
  absl::Status WriteAll(absl::Duration timeout, const std::stop_token& stop);
  absl::Status WritePart(std::string_view part);
  absl::Status Fail(const absl::Status& status);

  const std::string name_;
  DeliveryListener& listener_;
  bool regular_ = false;  // a file that is synced, and where writing does not wait for a reader

  std::mutex mutex_;  // guards taken_
  std::condition_variable_any free_;
  bool taken_ = false;  // the turn

  int descriptor_;               // turn
  std::string last_topic_;       // turn
  std::string line_begin_;       // turn: of a record of last_topic_
  std::string buffer_;           // turn
  size_t written_ = 0;           // turn: of buffer_
  std::vector<Ticket> tickets_;  // turn: of the records in buffer_
  absl::Status failure_;         // turn; never changed once failed_ is set
  std::atomic<bool> failed_ = false;
};

}  // namespace shardtail::sink

#endif  // SHARDTAIL_SINK_STREAM_SINK_H_
