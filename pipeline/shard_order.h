#ifndef SHARDTAIL_PIPELINE_SHARD_ORDER_H_
#define SHARDTAIL_PIPELINE_SHARD_ORDER_H_

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "event/session.h"
#include "metrics/counter.h"
#include "mongo/client.h"

namespace shardtail::pipeline {

// What a shard says of a transaction.
struct TransactionPart {
  enum class State {
    kNone,      // it takes no part, or its part was aborted
    kPrepared,  // not decided here yet
    kEnded,     // its part is in its oplog, at `until` or before
  };
  State state = State::kNone;
  bson::Timestamp until;
};

// Asks one shard what others need to know, on the thread that waits on its behalf: a server, or a
// test.
class ShardProbe {
 public:
  virtual ~ShardProbe() = default;

  // Makes the shard's oplog reach `after`, where the shard is idle.
  virtual absl::Status Advance(const mongo::ClusterTime& after, const std::stop_token& stop) = 0;

  // The shard's part in a transaction that was committed at or before `after`.
  virtual absl::StatusOr<TransactionPart> FindPart(const event::SessionTransaction& transaction,
                                                   const mongo::ClusterTime& after,
                                                   const std::stop_token& stop) = 0;
};

// Keeps events of one document in order that lie in several shards' oplogs, which as many threads
// read (docs/decisions/0013): a shard that must not overtake the others waits here until each has
// handed over all its entries before a time. Entries are compared by `ts`, which is a cluster's
// common, causal time.
//
// All functions of one Seat belong to its shard's thread but for those that say otherwise.
class ShardOrder {
 public:
  class Seat;

  ShardOrder() = default;
  // All seats must be gone.
  ~ShardOrder() = default;
  ShardOrder(const ShardOrder&) = delete;
  ShardOrder& operator=(const ShardOrder&) = delete;

  // A shard takes part until its seat is destroyed. Any thread. `name` is for the log.
  std::unique_ptr<Seat> Join(std::string name, std::unique_ptr<ShardProbe> probe);

  // The shards of which other processes hand over the events (docs/decisions/0015), by the names of
  // their replica sets: nobody here waits for those. `copying`: as far as is known one of them is
  // being copied; see Seat::NoteCopiesElsewhere(). Any thread.
  void SetElsewhere(std::set<std::string> replica_sets, bool copying);
  std::set<std::string> Elsewhere() const;

 private:
  mutable std::mutex mutex_;  // guards what follows, and what each Seat says of it
  std::condition_variable_any changed_;
  std::atomic<int> waiting_ = 0;  // seats that wait: others notify only for them
  std::vector<Seat*> seats_;
  bson::Timestamp copied_until_;  // what has ended
  std::set<std::string> elsewhere_;
  bool copying_elsewhere_ = false;
};

class ShardOrder::Seat {
 public:
  ~Seat();
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  // Everything before `ts` was handed over, and what follows is later or equal. May go back: what
  // is then handed over again the others need not wait for twice.
  void Pass(bson::Timestamp ts);

  // The same for all up to and including `ts`.
  void PassThrough(bson::Timestamp ts);

  // Gives a time that is no earlier than this shard's next entry, signed by its server. Called only
  // when others must be asked to reach it.
  using SignTime = absl::FunctionRef<absl::StatusOr<mongo::ClusterTime>()>;

  // Waits until every other shard has passed `at`, the time of this shard's next entry. Others that
  // wait for this shard see it at that entry meanwhile. Errors are those of `sign_time`, and
  // kCancelled when `stop` is requested.
  absl::Status WaitForOthers(bson::Timestamp at, SignTime sign_time, const std::stop_token& stop);

  // Before an insert of a transaction that several shards may take part in, at the entry that
  // commits it: waits until each of the others has handed over its part, which may hold the same
  // document's delete. Returns the time before which the others have handed over all. Where shards
  // wait for each other so, one goes on all the same: see ties().
  absl::StatusOr<bson::Timestamp> WaitForParts(const event::SessionTransaction& transaction,
                                               bson::Timestamp at, SignTime sign_time,
                                               const std::stop_token& stop);

  const ShardOrder& order() const { return order_; }

  // Whether others need not wait for this shard: it failed for good, or was stopped. Any thread.
  void SetAbsent(bool absent);

  // All that this shard has is being copied, by reads of times up to `last`. Any thread.
  void BeginCopy();
  void EndCopy(bson::Timestamp last);
  // What the stored offsets say at cluster time `now` of the shards that other processes capture:
  // whether one of them is being copied. Such a copy ends, as far as anyone here knows, when this
  // is first called without. Any thread.
  void NoteCopiesElsewhere(bool copying, bson::Timestamp now);
  // Whether a shard, this one or another, may read at `ts` or later for a copy, or has read so.
  bool IsCopiedAfter(bson::Timestamp ts) const;
  // Whether no other shard is being copied, as far as is known.
  bool OthersAreCopied() const;

  // Waits that were given up because shards waited for each other. Any thread.
  int64_t ties() const { return ties_.value(); }
  // Times that this shard waited for others. Any thread.
  int64_t waits() const { return waits_.value(); }

 private:
  friend class ShardOrder;
  // What this seat still needs of another one: all before `ts`.
  struct Need {
    Seat* of;
    bson::Timestamp ts;
  };
  using Request = std::function<void(ShardProbe& probe, const std::stop_token& stop)>;

  Seat(ShardOrder& order, std::string name, std::unique_ptr<ShardProbe> probe);

  // What another shard answered of a transaction, on its prober's thread. Shared: the one who asked
  // may be gone when the answer comes.
  struct Answer {
    bool given = false;
    absl::StatusOr<TransactionPart> part;
  };
  struct Asked {
    Seat* seat;
    std::shared_ptr<Answer> answer;
  };

  // With the order's mutex held:
  bson::Timestamp Reached() const;
  bool IsMet(const Need& need) const { return need.of->absent_ || need.of->Reached() >= need.ts; }
  bool AreMet() const;
  bool WaitsInCircle() const;
  void Hold(bson::Timestamp at, std::optional<event::SessionTransaction> in);
  void Release();
  void Want(const mongo::ClusterTime& time);
  void Ask(Request request);
  Asked AskForPart(Seat& seat, const event::SessionTransaction& transaction,
                   const mongo::ClusterTime& at);
  // Turns answers into needs_; asks anew where the shard has not decided. True when none is open.
  bool TakeAnswers(std::vector<Asked>& asked, const event::SessionTransaction& transaction,
                   const mongo::ClusterTime& at);

  void Notify();
  void RunProbe(const std::stop_token& stop);

  ShardOrder& order_;
  const std::string name_;
  const std::unique_ptr<ShardProbe> probe_;
  std::atomic<uint64_t> passed_ = 0;  // a Timestamp, seconds in the upper half
  metrics::Counter ties_;
  metrics::Counter waits_;

  // Guarded by the order's mutex:
  bool absent_ = false;
  bool copying_ = false;
  std::optional<bson::Timestamp> holding_;               // this seat waits, at that entry
  std::optional<event::SessionTransaction> holding_in_;  // and in that transaction
  std::vector<Need> needs_;
  bson::Timestamp latest_need_;  // of the transaction under way
  std::deque<Request> requests_;
  std::optional<mongo::ClusterTime> wanted_;  // the latest time that others want it to reach
  std::condition_variable_any asked_;
  std::jthread prober_;  // started with the first request
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_SHARD_ORDER_H_
