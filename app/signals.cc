#include "app/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

#include "base/log.h"

namespace shardtail::app {
namespace {

// Wakes the thread at the end; means nothing else to this process.
constexpr int kWakeUp = SIGUSR2;
constexpr int kInterrupted = 130;

}  // namespace

SignalStop::SignalStop(Hangup hangup)
    : reloads_(hangup == Hangup::kReloads && ::isatty(STDIN_FILENO) == 0) {
  std::signal(SIGPIPE, SIG_IGN);
  sigemptyset(&signals_);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, kWakeUp}) sigaddset(&signals_, number);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::jthread([this] { Wait(); });
}

SignalStop::~SignalStop() { pthread_kill(thread_.native_handle(), kWakeUp); }

void SignalStop::Wait() {
  int number = 0;
  while (sigwait(&signals_, &number) == 0 && number != kWakeUp) {
    if (number == SIGHUP && reloads_) {
      {
        const std::lock_guard lock(mutex_);
        hangup_ = true;
      }
      hung_up_.notify_all();
      continue;
    }
    if (stop_.stop_requested()) _exit(kInterrupted);
    base::LogInfo("{}: stopping, after what was sent is delivered; once more to stop at once",
                  number == SIGTERM  ? "SIGTERM"
                  : number == SIGHUP ? "SIGHUP"
                                     : "SIGINT");
    stop_.request_stop();
  }
}

bool SignalStop::AwaitHangup(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!hung_up_.wait(lock, stop, [this] { return hangup_; })) return false;
  return std::exchange(hangup_, false);
}

}  // namespace shardtail::app
