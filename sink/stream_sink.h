#ifndef SHARDTAIL_SINK_STREAM_SINK_H_
#define SHARDTAIL_SINK_STREAM_SINK_H_

#include <atomic>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "sink/sink.h"

namespace shardtail::sink {

// Writes one JSON object a line: {"topic":"…","key":…,"value":…}, where key and value, which are
// JSON already, stand as they are, and a tombstone's value is null.
//
// Records are gathered and written at EndBatch(), or when there are many; a file is synced before
// they count as delivered. A reader that does not read is waited for, but never without an ear for
// the stop request.
class StreamSink : public Sink {
 public:
  static absl::StatusOr<std::unique_ptr<StreamSink>> ToStandardOutput(DeliveryListener& listener);

  // Appends to the file, which is locked while the sink lives. A last line that a crash has torn is
  // cut off: it was never acknowledged, and comes again.
  //   kFailedPrecondition  another process or replica set has it, or its last line is none of ours
  static absl::StatusOr<std::unique_ptr<StreamSink>> ToFile(const std::string& path,
                                                            DeliveryListener& listener);

  // Writes to `descriptor`, which it takes; `name` is for messages.
  StreamSink(int descriptor, std::string name, DeliveryListener& listener);
  ~StreamSink() override;
  StreamSink(const StreamSink&) = delete;
  StreamSink& operator=(const StreamSink&) = delete;

  // Errors of all three: kUnavailable when the disk is full, kFailedPrecondition when the reader
  // has closed the pipe. A record for which Send() returns kCancelled was taken; a later call
  // writes it.
  absl::Status Send(const Record& record, Ticket ticket, const std::stop_token& stop) override;
  absl::Status EndBatch() override;
  absl::Status Flush(absl::Duration timeout) override;

  int64_t InFlightRecords() const override { return in_flight_.load(std::memory_order_relaxed); }

 private:
  void Append(const Record& record);
  // Until all is written, `stop_` is requested (kCancelled), or the time is over
  // (kDeadlineExceeded).
  absl::Status WriteAll(absl::Duration timeout);
  absl::Status WritePart(std::string_view part);
  absl::Status Fail(const absl::Status& status);

  const int descriptor_;
  const std::string name_;
  DeliveryListener& listener_;
  bool regular_ = false;  // a file that is synced, and where writing does not wait for a reader

  std::string last_topic_;
  std::string line_begin_;  // of a record of last_topic_
  std::string buffer_;
  size_t written_ = 0;           // of buffer_
  std::vector<Ticket> tickets_;  // of the records in buffer_
  std::stop_token stop_;         // of the last Send()
  absl::Status failure_;         // the sink is of no use any more
  std::atomic<int64_t> in_flight_ = 0;
};

}  // namespace shardtail::sink

#endif  // SHARDTAIL_SINK_STREAM_SINK_H_
