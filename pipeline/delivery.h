#ifndef SHARDTAIL_PIPELINE_DELIVERY_H_
#define SHARDTAIL_PIPELINE_DELIVERY_H_

#include <memory>
#include <mutex>
#include <span>
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
// fails.
//
// The rule it keeps: a record that is too large for Kafka counts as acknowledged only where
// event.processing.failure.handling.mode lets it be left out, and only once it is kept to be told
// of; any other failure stops the tracker.
//
// The sink reports from its delivery thread, or from within its functions; the rest belongs to the
// replica set's thread. An OffsetCommitter that was given the tracker must have let go of it before
// this goes.
struct Delivery : public sink::DeliveryListener {
  // The metrics and the clock must outlive it. The sink and the publisher come after: they need
  // what is here.
  Delivery(metrics::PipelineMetrics& counted, base::Clock& time, FailureMode failure_mode)
      : metrics(counted), clock(time), mode(failure_mode), latency(counted.acknowledge_latency) {}

  // The sink's.
  void OnDelivered(std::span<const sink::Ticket> tickets) override;
  void OnFailed(sink::Ticket ticket, const absl::Status& status) override;

  // Counts and logs what was left out as too large since the last call. Needs the publisher; errors
  // are its HandlePoison()'s.
  absl::Status ReportLeftOut();

  // Shows in the metrics what is in flight. Any thread.
  void NotePending();

  metrics::PipelineMetrics& metrics;
  base::Clock& clock;
  const FailureMode mode;
  DeliveryLatency latency;
  LargeRecords large;
  offsets::AckTracker tracker;
  std::mutex mutex;                    // guards the next
  std::vector<absl::Status> left_out;  // not told of yet
  // Goes before all that it reports to.
  std::unique_ptr<sink::Sink> sink;
  std::unique_ptr<Publisher> publisher;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_DELIVERY_H_
