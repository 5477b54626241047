#ifndef SHARDTAIL_SINK_SINK_H_
#define SHARDTAIL_SINK_SINK_H_

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace shardtail::sink {

// Names one record from Send() until it is delivered; the caller's choice.
using Ticket = uint64_t;

// Hears what became of the records. Called from the sink's own thread or from within its functions;
// must not call the sink, nor wait for one who does.
class DeliveryListener {
 public:
  virtual ~DeliveryListener() = default;

  // These are stored durably (acks=all; written and synced). In any order.
  virtual void OnDelivered(std::span<const Ticket> tickets) = 0;

  // This one never will be. `status` says why and names the topic. With kResourceExhausted it is
  // too large, and the sink goes on.
  virtual void OnFailed(Ticket ticket, const absl::Status& status) = 0;
};

// The views must stay valid only during Send().
struct Record {
  std::string_view topic;
  std::string_view key;
  std::optional<std::string_view> value;  // none: a tombstone
  std::optional<int32_t> partition;       // none: by the key
};

// Where the records of one replica set go. Send(), EndBatch() and Flush() belong to one thread,
// which also destroys it.
class Sink {
 public:
  virtual ~Sink() = default;

  // Takes a copy. Waits while the sink is full; kCancelled when `stop` is requested meanwhile.
  // kResourceExhausted: this record alone is too large; the listener has heard of it, and others
  // may follow. Other errors are final: the listener has heard of one, and this sink is of no use
  // any more.
  virtual absl::Status Send(const Record& record, Ticket ticket, const std::stop_token& stop) = 0;

  // No record follows at once: a good moment to pass on what is buffered. Errors as Send()'s.
  virtual absl::Status EndBatch() = 0;

  // Waits until everything sent was delivered or failed; kDeadlineExceeded names how many were not.
  virtual absl::Status Flush(absl::Duration timeout) = 0;

  // Records that were sent and not yet delivered. Any thread.
  virtual int64_t InFlightRecords() const = 0;
};

}  // namespace shardtail::sink

#endif  // SHARDTAIL_SINK_SINK_H_
