#ifndef SHARDTAIL_APP_RELOADER_H_
#define SHARDTAIL_APP_RELOADER_H_

#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "absl/status/status.h"
#include "app/configuration_files.h"
#include "app/signals.h"
#include "config/configuration.h"

namespace shardtail::app {

// At each SIGHUP reads the configuration again, tries it, and asks the capture to stop and to begin
// anew with it: all that was sent is delivered and stored in between, so no position is lost and no
// event comes twice. What is wrong with the new one is logged, and the running one stays.
class Reloader {
 public:
  // Whether the capture would work with the configuration; connects to what it names.
  using Try =
      std::function<absl::Status(const config::Configuration& config, const std::stop_token& stop)>;
  // `signals` and `running` must outlive it. `running` is only changed by Take().
  Reloader(SignalStop& signals, ConfigurationFiles files, config::Configuration& running,
           Try try_out);

  // For one run of the capture: stops at a stop signal, and when a new configuration is there.
  std::stop_token NextRun();

  // After that run: whether there is a new configuration, which `running` then holds.
  bool Take();

 private:
  void Run(const std::stop_token& stop);
  void Reload(const std::stop_token& stop);

  SignalStop& signals_;
  const ConfigurationFiles files_;
  config::Configuration& running_;
  const Try try_out_;
  std::mutex mutex_;  // guards the three below, and running_ against Take()
  std::optional<config::Configuration> next_;
  std::stop_source run_;
  bool stopped_ = false;
  std::jthread thread_;
  // Goes before the thread that it stops.
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_RELOADER_H_
