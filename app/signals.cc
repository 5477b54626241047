#include "app/signals.h"

#include <pthread.h>
#include <unistd.h>

#include "base/log.h"

namespace shardtail::app {
namespace {

// Wakes the thread at the end; means nothing else to this process.
constexpr int kWakeUp = SIGUSR2;
constexpr int kInterrupted = 130;

}  // namespace

SignalStop::SignalStop() {
  std::signal(SIGPIPE, SIG_IGN);
  sigemptyset(&signals_);
  for (const int number : {SIGTERM, SIGINT, kWakeUp}) sigaddset(&signals_, number);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::jthread([this] { Wait(); });
}

SignalStop::~SignalStop() { pthread_kill(thread_.native_handle(), kWakeUp); }

void SignalStop::Wait() {
  int number = 0;
  while (sigwait(&signals_, &number) == 0 && number != kWakeUp) {
    if (stop_.stop_requested()) _exit(kInterrupted);
    base::LogInfo("{}: stopping, after what was sent is delivered; once more to stop at once",
                  number == SIGTERM ? "SIGTERM" : "SIGINT");
    stop_.request_stop();
  }
}

}  // namespace shardtail::app
