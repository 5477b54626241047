#ifndef SHARDTAIL_SIGNALS_SIGNAL_FILE_H_
#define SHARDTAIL_SIGNALS_SIGNAL_FILE_H_

#include <functional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "metrics/signal_metrics.h"
#include "signals/signal.h"

namespace shardtail::signals {

// Takes signals from a file (signal.file), on a thread of its own: a line of JSON each, in the form
// of ParseSignal(). The file is looked at once in an interval and emptied when its signals are
// taken, as Debezium's FileSignalChannel does, and what others append meanwhile stays (a lease
// keeps them out for that moment, where the file is ours and its file system knows leases); it need
// not be there. A last line without an end is taken when it has not grown for an interval. What
// cannot be read is warned of, counted and passed over.
class SignalFile {
 public:
  // Called on the file's thread. OK: a crash no longer forgets the signal. After an error it is
  // given again, at the next look; so it may come twice.
  using Handler = std::function<absl::Status(const Signal&)>;
  // Called so with why a line is no signal.
  using Refused = std::function<void(const absl::Status&)>;

  // `clock` must outlive it.
  SignalFile(std::string path, absl::Duration interval, Handler handler, base::Clock& clock,
             Refused refused = nullptr);
  // Waits for a call of the handler that runs.
  ~SignalFile() = default;
  SignalFile(const SignalFile&) = delete;
  SignalFile& operator=(const SignalFile&) = delete;

  const metrics::SignalMetrics& metrics() const { return metrics_; }

 private:
  void Run(const std::stop_token& stop);
  // Takes the whole lines that the file holds.
  void Look(const std::stop_token& stop);
  // Takes so many bytes out of the file, from its begin. False when it cannot be written.
  bool Cut(size_t taken, const std::stop_token& stop);
  // False when the signal must be given again.
  bool Take(std::string_view line, int number);

  const std::string path_;
  const absl::Duration interval_;
  const Handler handler_;
  const Refused refused_;
  base::Clock& clock_;
  std::string unended_;  // the last line at the last look, when it had no end
  metrics::SignalMetrics metrics_;
  std::jthread thread_;  // ends before what it uses
};

}  // namespace shardtail::signals

#endif  // SHARDTAIL_SIGNALS_SIGNAL_FILE_H_
