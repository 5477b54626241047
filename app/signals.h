#ifndef SHARDTAIL_APP_SIGNALS_H_
#define SHARDTAIL_APP_SIGNALS_H_

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <stop_token>
#include <thread>

namespace shardtail::app {

// Turns SIGTERM and SIGINT into a stop request; a second one ends the process at once, with exit
// status 130. Make it before any other thread: they inherit the blocked signals. SIGPIPE is ignored
// while it lives and after. SIGHUP stops too, unless the process is to reload its configuration and
// has no terminal that may have gone.
class SignalStop {
 public:
  enum class Hangup { kStops, kReloads };
  explicit SignalStop(Hangup hangup = Hangup::kStops);
  ~SignalStop();
  SignalStop(const SignalStop&) = delete;
  SignalStop& operator=(const SignalStop&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

  // Waits for a SIGHUP; those that came since the last call count as one. False after a stop
  // request to `stop`. Any thread.
  bool AwaitHangup(const std::stop_token& stop);

 private:
  void Wait();

  const bool reloads_;
  sigset_t signals_;
  std::mutex mutex_;  // guards hangup_
  std::condition_variable_any hung_up_;
  bool hangup_ = false;
  std::stop_source stop_;
  std::jthread thread_;
};

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_SIGNALS_H_
