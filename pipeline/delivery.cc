#include "pipeline/delivery.h"

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>

namespace shardtail::pipeline {

void Delivery::OnDelivered(std::span<const sink::Ticket> tickets) {
  tracker.Acknowledge(tickets);
  metrics.acknowledged_records.Add(static_cast<int64_t>(tickets.size()));
  NotePending();
  if (latency.waiting()) latency.Settle(tracker.settled(), clock.NowMillis());
}

void Delivery::OnFailed(sink::Ticket ticket, const absl::Status& status) {
  {
    const std::lock_guard lock(mutex);  // a counter takes one writer at a time
    metrics.failed_records.Add();
  }
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

absl::Status Delivery::ReportLeftOut() {
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

void Delivery::NotePending() {
  metrics.unacknowledged_records.Set(tracker.pending());
  metrics.unacknowledged_bytes.Set(tracker.pending_bytes());
}

}  // namespace shardtail::pipeline
