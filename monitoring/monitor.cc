#include "monitoring/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "monitoring/lag.h"
#include "monitoring/metric_groups.h"
#include "monitoring/status_document.h"

namespace shardtail::monitoring {
namespace {

constexpr absl::Duration kLookInterval = absl::Seconds(1);

constexpr int kNotFound = 404;
constexpr int kMethodNotAllowed = 405;
constexpr int kServiceUnavailable = 503;

constexpr const char* kJson = "application/json";
constexpr const char* kIndex =
    "/metrics\n/status\n/health\n/health/live\n/health/ready\n/health/started\n/q/health\n"
    "/q/health/live\n/q/health/ready\n/q/health/started\n";

std::optional<Probe> ProbeOf(std::string_view path) {
  if (path.starts_with("/q/")) path.remove_prefix(2);
  constexpr std::array<std::pair<std::string_view, Probe>, 4> kPaths = {
      {{"/health", Probe::kAll},
       {"/health/live", Probe::kLive},
       {"/health/ready", Probe::kReady},
       {"/health/started", Probe::kStarted}}};
  for (const auto& [known, probe] : kPaths) {
    if (known == path) return probe;
  }
  return std::nullopt;
}

}  // namespace

Monitor::Monitor(Options options, base::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

void Monitor::Watch(const topology::TopologyManager* manager,
                    const topology::Assignment* assignment) {
  const std::lock_guard lock(mutex_);
  manager_ = manager;
  assignment_ = assignment;
  progress_ = {};
}

void Monitor::Run(const std::stop_token& stop) {
  do {
    const std::lock_guard lock(mutex_);
    if (manager_ == nullptr) continue;
    const absl::Duration now = clock_.Monotonic();
    manager_->Visit([&](const std::vector<topology::TopologyManager::Captured>& all) {
      for (const auto& [status, counted] : all) {
        if (counted != nullptr) progress_.Note(status.replica_set, *counted, now);
      }
    });
  } while (clock_.Sleep(kLookInterval, stop));
}

void Monitor::WithViews(absl::FunctionRef<void(const Views&, int64_t)> use) {
  const std::lock_guard lock(mutex_);
  const int64_t now = clock_.NowMillis();
  if (manager_ == nullptr) return use({}, now);
  const absl::Duration monotonic = clock_.Monotonic();
  manager_->Visit([&](const std::vector<topology::TopologyManager::Captured>& all) {
    Views views;
    views.reserve(all.size());
    for (const auto& [status, counted] : all) {
      const metrics::ReplicaSetMetrics& counts = counted == nullptr ? nothing_ : *counted;
      views.push_back({.status = status,
                       .counted = counts,
                       .progress = progress_.Of(status.replica_set, monotonic),
                       .snapshot = counts.snapshot.progress(),
                       .lag = Lag(counts.tailer, now)});
    }
    use(views, now);
  });
}

Share Monitor::OfAssignment() {
  const std::lock_guard lock(mutex_);
  if (assignment_ == nullptr) return {};
  topology::Assignment::Elsewhere elsewhere = assignment_->elsewhere();
  return {.count = assignment_->count(),
          .index = assignment_->index(),
          .known = elsewhere.known,
          .elsewhere = std::move(elsewhere.replica_sets)};
}

http::Response Monitor::Handle(const http::Request& request) {
  const auto probe = ProbeOf(request.path);
  const bool known = probe.has_value() || request.path == "/" || request.path == "/metrics" ||
                     request.path == "/status";
  if (!known) {
    return {.status = kNotFound, .body = fmt::format("there is no such page; try\n{}", kIndex)};
  }
  if (request.method != "GET" && request.method != "HEAD") {
    return {.status = kMethodNotAllowed, .body = "it can only be read\n", .allow = "GET, HEAD"};
  }
  if (probe.has_value()) return Health(*probe);
  if (request.path == "/metrics") return Metrics();
  if (request.path == "/status") return Status();
  return {.body = kIndex};
}

http::Response Monitor::Health(Probe probe) {
  std::vector<Check> checks;
  const Share share = OfAssignment();
  WithViews([&](const Views& views, int64_t now) {
    std::vector<Observed> observed;
    for (const View& view : views) {
      const metrics::PipelineMetrics& pipeline = view.counted.pipeline;
      const int64_t reply = view.counted.tailer.batch_millis.value();
      observed.push_back({.replica_set = view.status.replica_set,
                          .state = view.status.state,
                          .last_error = std::string(view.status.last_error.message()),
                          .phase = static_cast<metrics::Phase>(pipeline.phase.value()),
                          .started = pipeline.started.value() != 0,
                          .still = view.progress.still,
                          .since_reply = absl::Milliseconds(reply == 0 ? 0 : now - reply),
                          .unacknowledged = pipeline.unacknowledged_records.value()});
    }
    checks = Judge(probe, observed, options_.stalled_after);
    // Of several processes one may well have none.
    const bool none_is_ours = share.known && share.count > 1;
    if (observed.empty() && probe != Probe::kLive && !none_is_ours) {
      checks.push_back({.name = "of any name", .up = false, .reason = "none is found yet"});
    }
  });
  const bool up = std::ranges::all_of(checks, &Check::up);
  return {.status = up ? 200 : kServiceUnavailable,
          .content_type = kJson,
          .body = HealthDocument(checks)};
}

http::Response Monitor::Metrics() {
  Families families;
  const Share share = OfAssignment();
  WithViews([&](const Views& views, int64_t now) {
    AddDebeziumMetrics(views, options_, now, families);
    AddOwnMetrics(views, share, options_, now, families);
  });
  AddProcessMetrics(families);
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = families.Text()};
}

http::Response Monitor::Status() {
  http::Response response{.content_type = kJson};
  const Share share = OfAssignment();
  WithViews([&](const Views& views, int64_t now) {
    response.body = StatusDocument(views, share, options_, now);
  });
  return response;
}

}  // namespace shardtail::monitoring
