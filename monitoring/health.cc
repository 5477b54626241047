#include "monitoring/health.h"

#include <fmt/format.h>

#include <algorithm>

namespace shardtail::monitoring {
namespace {

using topology::State;

// A tail's read ends after 20 s at the latest: one that lasts longer will not end.
constexpr absl::Duration kStuckAfter = absl::Minutes(5);

std::string Seconds(absl::Duration duration) {
  return fmt::format("{} s", absl::ToInt64Seconds(duration));
}

std::string WhyNotStarted(const Observed& observed) {
  if (observed.started) return "";
  return "has not found its primary yet" +
         (observed.last_error.empty() ? "" : ": " + observed.last_error);
}

std::string WhyNotReady(const Observed& observed, absl::Duration stalled_after) {
  if (observed.state == State::kFailed) return "FAILED: " + observed.last_error;
  if (std::string why = WhyNotStarted(observed); !why.empty()) return why;
  if (observed.still <= stalled_after) return "";
  std::string why = "no oplog entry for " + Seconds(observed.still);
  if (observed.state == State::kWaiting || observed.phase == metrics::Phase::kConnecting) {
    why += observed.last_error.empty() ? ", not connected" : ": " + observed.last_error;
  } else if (observed.unacknowledged > 0) {
    why += fmt::format(", {} records are not acknowledged", observed.unacknowledged);
  } else {
    why += ", though a primary writes one every 10 s: does a majority replicate?";
  }
  return why;
}

std::string WhyNotLive(const Observed& observed, const std::vector<Observed>& all) {
  if (observed.state != State::kRunning || observed.phase != metrics::Phase::kStreaming) return "";
  if (observed.unacknowledged > 0 || observed.since_reply <= kStuckAfter) return "";
  const bool other_interrupted = std::ranges::any_of(all, [](const Observed& other) {
    return other.state != State::kRunning || other.phase != metrics::Phase::kStreaming ||
           other.unacknowledged > 0;
  });
  return other_interrupted ? "" : "stuck: no reply was read for " + Seconds(observed.since_reply);
}

}  // namespace

std::vector<Check> Judge(Probe probe, const std::vector<Observed>& all,
                         absl::Duration stalled_after) {
  std::vector<Check> checks;
  for (const Observed& observed : all) {
    std::string why;
    if (observed.state != State::kFinished && observed.state != State::kStopped) {
      if (probe == Probe::kLive || probe == Probe::kAll) why = WhyNotLive(observed, all);
      if (probe == Probe::kStarted) why = WhyNotStarted(observed);
      if (why.empty() && (probe == Probe::kReady || probe == Probe::kAll)) {
        why = WhyNotReady(observed, stalled_after);
      }
    }
    checks.push_back({.name = observed.replica_set, .up = why.empty(), .reason = why});
  }
  return checks;
}

}  // namespace shardtail::monitoring
