#ifndef SHARDTAIL_SINK_SHARED_SINK_H_
#define SHARDTAIL_SINK_SHARED_SINK_H_

#include <stop_token>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "sink/sink.h"

namespace shardtail::sink {

// Where the records of all replica sets of a process go: SinkChannels gives each replica set its
// way in. All functions are safe for any thread; the records of one topic partition, or of a file,
// keep the order of Send() over all threads, where one call returned before another began.
//
// It tells its DeliveryListener of every record it took, until it is destroyed; it may then give up
// what is in flight without a word.
class SharedSink {
 public:
  virtual ~SharedSink() = default;

  // Takes a copy. Waits while the sink is full. After any error the record was not taken, and the
  // listener does not hear of it:
  //   kCancelled  `stop` was requested meanwhile
  //   others      this record cannot be sent, or failure() has the reason
  virtual absl::Status Send(const Record& record, Ticket ticket, const std::stop_token& stop) = 0;

  // Passes on what is buffered. Ends early with kCancelled at a stop request, with
  // kDeadlineExceeded after `timeout`.
  virtual absl::Status EndBatch(absl::Duration timeout, const std::stop_token& stop) = 0;

  // Why this sink takes nothing any more and a new one is needed; OK while it goes on. Once set it
  // stays, and the listener hears of all that is in flight.
  virtual absl::Status failure() const = 0;
};

}  // namespace shardtail::sink

#endif  // SHARDTAIL_SINK_SHARED_SINK_H_
