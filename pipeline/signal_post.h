#ifndef SHARDTAIL_PIPELINE_SIGNAL_POST_H_
#define SHARDTAIL_PIPELINE_SIGNAL_POST_H_

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "offsets/offset_store.h"
#include "signals/signal.h"

namespace shardtail::pipeline {

// Gives each signal to every replica set, and keeps it beside each one's offset until that one has
// taken it: a signal is not forgotten by a crash, or while a replica set is away.
//
// All functions may be called from any thread. The store and the clock must outlive it.
class SignalPost {
 public:
  // Called with a lock held, by whoever delivers: must not call the post. `key` is where the signal
  // is kept, for Forget(); keys sort by the time of their signals.
  using Inbox = std::function<void(const std::string& key, const signals::Signal& signal)>;

  SignalPost(offsets::OffsetStore& store, base::Clock& clock) : store_(store), clock_(clock) {}

  using Refused = std::function<void(const std::string& reason)>;  // as Inbox

  // From now on until Leave(), it gets what is delivered, and may have to tell what is refused.
  void Join(const std::string& replica_set, Inbox inbox, Refused refused = nullptr);
  void Leave(const std::string& replica_set);

  // OK: all who have joined will get it, whatever happens. Else some may, and it is to be delivered
  // again.
  absl::Status Deliver(const signals::Signal& signal);

  // What came was no signal: one of those who have joined tells of it.
  void Refuse(const absl::Status& why);

  // The replica set has done what the signal asks for.
  absl::Status Forget(std::string_view replica_set, std::string_view key);

  // Whether a record beside the offset is a signal, and the reverse of how it is kept.
  static bool IsSignal(std::string_view key);
  static absl::StatusOr<signals::Signal> Decode(std::string_view record);

 private:
  offsets::OffsetStore& store_;
  base::Clock& clock_;
  std::mutex mutex_;  // guards the others
  struct Member {
    Inbox inbox;
    Refused refused;
  };
  std::map<std::string, Member> members_;
  int64_t delivered_ = 0;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_SIGNAL_POST_H_
