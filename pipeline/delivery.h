#ifndef SHARDTAIL_PIPELINE_DELIVERY_H_
#define SHARDTAIL_PIPELINE_DELIVERY_H_

#include <memory>
#include <span>

#include "absl/status/status.h"
#include "base/clock.h"
#include "metrics/pipeline_metrics.h"
#include "offsets/ack_tracker.h"
#include "pipeline/delivery_latency.h"
#include "pipeline/publisher.h"
#include "sink/sink.h"

namespace shardtail::pipeline {

// A replica set's sink with what counts its acknowledgements; replaced as a whole when the sink
// fails. The sink reports from its delivery thread, the rest is of the replica set's thread. The
// metrics and the clock must outlive it.
struct Delivery : public sink::DeliveryListener {
  Delivery(metrics::PipelineMetrics& counted, base::Clock& time)
      : metrics(counted), clock(time), latency(counted.acknowledge_latency) {}

  metrics::PipelineMetrics& metrics;
  base::Clock& clock;
  DeliveryLatency latency;
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
    tracker.Fail(ticket, status);
  }
  void NotePending() {
    metrics.unacknowledged_records.Set(tracker.pending());
    metrics.unacknowledged_bytes.Set(tracker.pending_bytes());
  }
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_DELIVERY_H_
