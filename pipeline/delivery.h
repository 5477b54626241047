#ifndef SHARDTAIL_PIPELINE_DELIVERY_H_
#define SHARDTAIL_PIPELINE_DELIVERY_H_

#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "metrics/pipeline_metrics.h"
#include "offsets/ack_tracker.h"
#include "pipeline/delivery_latency.h"
#include "pipeline/large_records.h"
#include "pipeline/options.h"
#include "pipeline/publisher.h"
#include "sink/sink.h"

namespace shardtail::pipeline {

// A replica set's sink with what counts its acknowledgements; replaced as a whole when the sink
// fails. The sink reports from its delivery thread, the rest is of the replica set's thread. The
// metrics and the clock must outlive it.
struct Delivery : public sink::DeliveryListener {
  Delivery(metrics::PipelineMetrics& counted, base::Clock& time, FailureMode failure_mode)
      : metrics(counted), clock(time), mode(failure_mode), latency(counted.acknowledge_latency) {}

  metrics::PipelineMetrics& metrics;
  base::Clock& clock;
  const FailureMode mode;
  DeliveryLatency latency;
  LargeRecords large;
  offsets::AckTracker tracker;
  std::unique_ptr<sink::Sink> sink;  // made after the tracker that it reports to, goes before it
  std::unique_ptr<Publisher> publisher;

  void OnDelivered(std::span<const sink::Ticket> tickets) override {
    tracker.Acknowledge(tickets);
    metrics.acknowledged_records.Add(static_cast<int64_t>(tickets.size()));
    NotePending();
    if (latency.waiting()) latency.Settle(tracker.settled(), clock.NowMillis());
  }
  void OnFailed(sink::Ticket ticket, const absl::Status& status) override {
    metrics.failed_records.Add();
    if (!absl::IsResourceExhausted(status)) return tracker.Fail(ticket, status);
    // Nothing helps but a larger limit.
    absl::Status named = absl::FailedPreconditionError(
        fmt::format("{}: {}", large.Describe(ticket), std::string(status.message())));
    if (mode == FailureMode::kFail) return tracker.Fail(ticket, named);
    {
      const std::lock_guard lock(mutex);
      left_out.push_back(std::move(named));
    }
    tracker.Acknowledge({&ticket, 1});
    NotePending();
  }
  // Counts and logs what was left out as too large since the last call.
  absl::Status ReportLeftOut() {
    std::vector<absl::Status> taken;
    {
      const std::lock_guard lock(mutex);
      taken.swap(left_out);
    }
    for (const absl::Status& status : taken) {
      if (absl::Status handled = publisher->HandlePoison(status); !handled.ok()) return handled;
    }
    return absl::OkStatus();
  }
  void NotePending() {
    metrics.unacknowledged_records.Set(tracker.pending());
    metrics.unacknowledged_bytes.Set(tracker.pending_bytes());
  }

  std::mutex mutex;                    // guards the next
  std::vector<absl::Status> left_out;  // not told of yet
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_DELIVERY_H_
