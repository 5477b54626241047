#include "app/reloader.h"

#include <fmt/ranges.h>

#include <string>
#include <utility>

#include "base/log.h"

namespace shardtail::app {

Reloader::Reloader(SignalStop& signals, ConfigurationFiles files, config::Configuration& running,
                   Try try_out)
    : signals_(signals), files_(std::move(files)), running_(running), try_out_(std::move(try_out)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  on_stop_.emplace(signals_.token(), [this] {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    run_.request_stop();
    thread_.request_stop();
  });
}

std::stop_token Reloader::NextRun() {
  const std::lock_guard lock(mutex_);
  run_ = std::stop_source();
  if (stopped_ || next_.has_value()) run_.request_stop();
  return run_.get_token();
}

bool Reloader::Take() {
  const std::lock_guard lock(mutex_);
  if (stopped_ || !next_.has_value()) return false;
  running_ = *std::exchange(next_, std::nullopt);
  return true;
}

void Reloader::Run(const std::stop_token& stop) {
  const base::ScopedLogContext context("reload");
  while (signals_.AwaitHangup(stop)) Reload(stop);
}

void Reloader::Reload(const std::stop_token& stop) {
  config::Configuration running;
  {
    const std::lock_guard lock(mutex_);
    running = next_.value_or(running_);
  }
  absl::StatusOr<config::Reloaded> reloaded = ReloadConfiguration(files_, running);
  if (!reloaded.ok()) {
    return base::LogError(
        "SIGHUP: the configuration stays as it is, for the new one has mistakes:\n{}",
        std::string(reloaded.status().message()));
  }
  if (!reloaded->ignored.empty()) {
    base::LogWarn("SIGHUP: changed, but taken over by a new start only: {}",
                  fmt::join(reloaded->ignored, ", "));
  }
  if (reloaded->changed.empty()) {
    return base::LogInfo("SIGHUP: no credentials and no filters have changed");
  }
  if (const absl::Status tried = try_out_(reloaded->configuration, stop); !tried.ok()) {
    if (stop.stop_requested()) return;
    return base::LogError(
        "SIGHUP: the configuration stays as it is, for the new one does not work: {}",
        std::string(tried.message()));
  }
  base::LogInfo("SIGHUP: going on with the new {}", fmt::join(reloaded->changed, ", "));
  const std::lock_guard lock(mutex_);
  next_ = std::move(reloaded->configuration);
  run_.request_stop();
}

}  // namespace shardtail::app
