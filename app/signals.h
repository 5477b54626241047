#ifndef SHARDTAIL_APP_SIGNALS_H_
#define SHARDTAIL_APP_SIGNALS_H_

#include <csignal>
#include <stop_token>
#include <thread>

namespace shardtail::app {

// Turns SIGTERM and SIGINT into a stop request; a second one ends the process at once, with exit
// status 130. Make it before any other thread: they inherit the blocked signals. SIGPIPE is ignored
// while it lives and after.
class SignalStop {
 public:
  SignalStop();
  ~SignalStop();
  SignalStop(const SignalStop&) = delete;
  SignalStop& operator=(const SignalStop&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  void Wait();

  sigset_t signals_;
  std::stop_source stop_;
  std::jthread thread_;
};

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_SIGNALS_H_
