#ifndef SHARDTAIL_TESTS_FAKES_FAKE_SINK_H_
#define SHARDTAIL_TESTS_FAKES_FAKE_SINK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sink/sink.h"

namespace shardtail::fakes {

struct SentRecord {
  std::string topic;
  std::string key;
  std::optional<std::string> value;
  sink::Ticket ticket = 0;
};

// What the sinks of one test have in common: it outlives each of them.
struct SinkLog {
  std::vector<SentRecord> records;
  bool hold = false;              // deliveries wait for a Flush()
  size_t largest = SIZE_MAX;      // of a value; others are refused as too large
  bool refuse_later = false;      // not by Send() itself
  std::optional<size_t> fail_at;  // the record that is never delivered, counted over all sinks
  int sinks_made = 0;
  std::function<void()> before_first;  // called when the first record of all is sent
};

// Keeps what is sent and delivers it at once, or as the log says. One thread.
class FakeSink : public sink::Sink {
 public:
  FakeSink(SinkLog& log, sink::DeliveryListener& listener) : log_(log), listener_(listener) {
    ++log_.sinks_made;
  }

  absl::Status Send(const sink::Record& record, sink::Ticket ticket,
                    const std::stop_token& stop) override {
    if (stop.stop_requested()) return absl::CancelledError("stopped");
    if (log_.records.empty() && log_.before_first) log_.before_first();
    if (record.value.has_value() && record.value->size() > log_.largest) {
      const absl::Status refused = absl::ResourceExhaustedError("raise the limit");
      listener_.OnFailed(ticket, refused);
      return log_.refuse_later ? absl::OkStatus() : refused;
    }
    log_.records.push_back({std::string(record.topic), std::string(record.key),
                            record.value.has_value()
                                ? std::optional<std::string>(std::string(*record.value))
                                : std::nullopt,
                            ticket});
    if (log_.fail_at == log_.records.size() - 1) {
      log_.fail_at.reset();
      listener_.OnFailed(ticket, absl::UnavailableError("the broker is gone"));
    } else if (log_.hold) {
      held_.push_back(ticket);
    } else {
      listener_.OnDelivered({&ticket, 1});
    }
    return absl::OkStatus();
  }

  absl::Status EndBatch() override { return absl::OkStatus(); }

  absl::Status Flush(absl::Duration) override {
    listener_.OnDelivered(held_);
    held_.clear();
    return absl::OkStatus();
  }

  int64_t InFlightRecords() const override { return static_cast<int64_t>(held_.size()); }

 private:
  SinkLog& log_;
  sink::DeliveryListener& listener_;
  std::vector<sink::Ticket> held_;
};

}  // namespace shardtail::fakes

#endif  // SHARDTAIL_TESTS_FAKES_FAKE_SINK_H_
