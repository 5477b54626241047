#include "pipeline/shard_order.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::pipeline {
namespace {

// A wait that lasts longer is told, and told again as long as it lasts.
constexpr auto kTellAfter = std::chrono::seconds(10);
constexpr auto kTellAgainAfter = std::chrono::seconds(60);

// A shard that has not passed by itself is asked again so often.
constexpr auto kAskAgainAfter = std::chrono::seconds(1);

// A participant hears of a commit within some round trips.
constexpr auto kUndecidedAskAgainAfter = std::chrono::milliseconds(20);

uint64_t ToNumber(bson::Timestamp ts) { return uint64_t{ts.seconds} << 32U | ts.increment; }

bson::Timestamp ToTimestamp(uint64_t number) {
  return {static_cast<uint32_t>(number >> 32U), static_cast<uint32_t>(number)};
}

bson::Timestamp Next(bson::Timestamp ts) { return ToTimestamp(ToNumber(ts) + 1); }

// Tells of a wait that lasts long.
class LongWait {
 public:
  void Tell(std::string_view what, std::string_view whom) {
    const auto now = std::chrono::steady_clock::now();
    if (now < due_) return;
    due_ = now + kTellAgainAfter;
    base::LogWarn("still waiting for {} {}: events of documents that moved keep their order", whom,
                  what);
  }

 private:
  std::chrono::steady_clock::time_point due_ = std::chrono::steady_clock::now() + kTellAfter;
};

}  // namespace

std::unique_ptr<ShardOrder::Seat> ShardOrder::Join(std::string name,
                                                   std::unique_ptr<ShardProbe> probe) {
  return std::unique_ptr<Seat>(new Seat(*this, std::move(name), std::move(probe)));
}

void ShardOrder::SetElsewhere(std::set<std::string> replica_sets, bool copying) {
  const std::lock_guard lock(mutex_);
  elsewhere_ = std::move(replica_sets);
  copying_elsewhere_ = copying_elsewhere_ || copying;
}

std::set<std::string> ShardOrder::Elsewhere() const {
  const std::lock_guard lock(mutex_);
  return elsewhere_;
}

ShardOrder::Seat::Seat(ShardOrder& order, std::string name, std::unique_ptr<ShardProbe> probe)
    : order_(order), name_(std::move(name)), probe_(std::move(probe)) {
  const std::lock_guard lock(order_.mutex_);
  order_.seats_.push_back(this);
}

ShardOrder::Seat::~Seat() {
  {
    const std::lock_guard lock(order_.mutex_);
    std::erase(order_.seats_, this);
    for (Seat* other : order_.seats_) {
      std::erase_if(other->needs_, [this](const Need& need) { return need.of == this; });
    }
    prober_.request_stop();
  }
  order_.changed_.notify_all();
}

void ShardOrder::Seat::Pass(bson::Timestamp ts) {
  passed_.store(ToNumber(ts));
  if (order_.waiting_.load() > 0) Notify();
}

void ShardOrder::Seat::PassThrough(bson::Timestamp ts) { Pass(Next(ts)); }

void ShardOrder::Seat::SetAbsent(bool absent) {
  {
    const std::lock_guard lock(order_.mutex_);
    absent_ = absent;
  }
  order_.changed_.notify_all();
}

void ShardOrder::Seat::BeginCopy() {
  const std::lock_guard lock(order_.mutex_);
  copying_ = true;
}

void ShardOrder::Seat::EndCopy(bson::Timestamp last) {
  const std::lock_guard lock(order_.mutex_);
  copying_ = false;
  order_.copied_until_ = std::max(order_.copied_until_, last);
}

void ShardOrder::Seat::NoteCopiesElsewhere(bool copying, bson::Timestamp now) {
  const std::lock_guard lock(order_.mutex_);
  if (std::exchange(order_.copying_elsewhere_, copying) && !copying) {
    order_.copied_until_ = std::max(order_.copied_until_, now);
  }
}

bool ShardOrder::Seat::IsCopiedAfter(bson::Timestamp ts) const {
  const std::lock_guard lock(order_.mutex_);
  return ts <= order_.copied_until_ || order_.copying_elsewhere_ ||
         std::ranges::any_of(order_.seats_, [](const Seat* seat) { return seat->copying_; });
}

bool ShardOrder::Seat::OthersAreCopied() const {
  const std::lock_guard lock(order_.mutex_);
  return !order_.copying_elsewhere_ &&
         std::ranges::none_of(order_.seats_,
                              [this](const Seat* seat) { return seat != this && seat->copying_; });
}

absl::Status ShardOrder::Seat::WaitForOthers(bson::Timestamp at, SignTime sign_time,
                                             const std::stop_token& stop) {
  std::unique_lock lock(order_.mutex_);
  const auto find_needs = [&] {
    needs_.clear();
    for (Seat* seat : order_.seats_) {
      const Need need{.of = seat, .ts = at};
      if (seat != this && !IsMet(need)) needs_.push_back(need);
    }
  };
  find_needs();
  if (needs_.empty()) return absl::OkStatus();
  waits_.Add();
  Hold(at, std::nullopt);
  lock.unlock();
  absl::StatusOr<mongo::ClusterTime> signed_time = sign_time();
  lock.lock();
  absl::Status result = signed_time.status();
  LongWait long_wait;
  // A shard may have joined meanwhile: look again after each wait.
  for (find_needs(); result.ok() && !needs_.empty(); find_needs()) {
    for (const Need& need : needs_) {
      need.of->Want({.time = at, .signed_time = signed_time->signed_time});
    }
    order_.changed_.wait_for(lock, stop, kAskAgainAfter, [this] { return AreMet(); });
    if (stop.stop_requested()) result = absl::CancelledError("stopped while waiting for shards");
    if (!AreMet()) long_wait.Tell("to hand over what came before", needs_.front().of->name_);
  }
  Release();
  return result;
}

absl::StatusOr<bson::Timestamp> ShardOrder::Seat::WaitForParts(
    const event::SessionTransaction& transaction, bson::Timestamp at, SignTime sign_time,
    const std::stop_token& stop) {
  {
    const std::lock_guard lock(order_.mutex_);
    latest_need_ = {};
    Hold(at, transaction);
  }
  const absl::StatusOr<mongo::ClusterTime> signed_time = sign_time();
  std::unique_lock lock(order_.mutex_);
  absl::Status result = signed_time.status();
  if (result.ok()) {
    const mongo::ClusterTime after{.time = at, .signed_time = signed_time->signed_time};
    std::vector<Asked> asked;
    for (Seat* seat : order_.seats_) {
      if (seat != this && !seat->absent_) asked.push_back(AskForPart(*seat, transaction, after));
    }
    LongWait long_wait;
    while (true) {
      const bool answered = TakeAnswers(asked, transaction, after);
      if (answered && AreMet()) break;
      if (WaitsInCircle()) {
        ties_.Add();
        break;
      }
      // Not told of each change: shards that wait for this one may have come to do so meanwhile.
      order_.changed_.wait_for(lock, stop, kUndecidedAskAgainAfter,
                               [&] { return TakeAnswers(asked, transaction, after) && AreMet(); });
      if (stop.stop_requested()) {
        result = absl::CancelledError("stopped while waiting for a transaction's other shards");
        break;
      }
      long_wait.Tell("for its part of a transaction",
                     needs_.empty() ? "a shard's answer" : std::string_view(needs_[0].of->name_));
    }
  }
  Release();
  if (!result.ok()) return result;
  return latest_need_;
}

bson::Timestamp ShardOrder::Seat::Reached() const {
  const bson::Timestamp passed = ToTimestamp(passed_.load());
  return holding_.has_value() ? std::max(passed, *holding_) : passed;
}

bool ShardOrder::Seat::AreMet() const {
  return std::ranges::all_of(needs_, [this](const Need& need) { return IsMet(need); });
}

bool ShardOrder::Seat::WaitsInCircle() const {
  std::set<const Seat*> seen;
  std::vector<const Seat*> to_visit = {this};
  while (!to_visit.empty()) {
    const Seat* seat = to_visit.back();
    to_visit.pop_back();
    for (const Need& need : seat->needs_) {
      if (seat->IsMet(need)) continue;
      if (need.of == this) return true;
      if (seen.insert(need.of).second) to_visit.push_back(need.of);
    }
  }
  return false;
}

void ShardOrder::Seat::Hold(bson::Timestamp at, std::optional<event::SessionTransaction> in) {
  holding_ = at;
  holding_in_ = in;
  order_.waiting_.fetch_add(1);
  order_.changed_.notify_all();
}

void ShardOrder::Seat::Release() {
  holding_.reset();
  holding_in_.reset();
  needs_.clear();
  order_.waiting_.fetch_sub(1);
}

void ShardOrder::Seat::Want(const mongo::ClusterTime& time) {
  if (wanted_.has_value() && wanted_->time >= time.time) return;
  wanted_ = time;
  if (!prober_.joinable()) {
    prober_ = std::jthread([this](const std::stop_token& stop) { RunProbe(stop); });
  }
  asked_.notify_one();
}

void ShardOrder::Seat::Ask(Request request) {
  requests_.push_back(std::move(request));
  if (!prober_.joinable()) {
    prober_ = std::jthread([this](const std::stop_token& stop) { RunProbe(stop); });
  }
  asked_.notify_one();
}

ShardOrder::Seat::Asked ShardOrder::Seat::AskForPart(Seat& seat,
                                                     const event::SessionTransaction& transaction,
                                                     const mongo::ClusterTime& at) {
  auto answer = std::make_shared<Answer>();
  ShardOrder& order = order_;
  seat.Ask([transaction, at, answer, &order](ShardProbe& probe, const std::stop_token& stop) {
    absl::StatusOr<TransactionPart> part = probe.FindPart(transaction, at, stop);
    {
      const std::lock_guard lock(order.mutex_);
      answer->given = true;
      answer->part = std::move(part);
    }
    order.changed_.notify_all();
  });
  return {.seat = &seat, .answer = std::move(answer)};
}

bool ShardOrder::Seat::TakeAnswers(std::vector<Asked>& asked,
                                   const event::SessionTransaction& transaction,
                                   const mongo::ClusterTime& at) {
  std::erase_if(asked, [&](Asked& each) {
    const bool gone = std::ranges::find(order_.seats_, each.seat) == order_.seats_.end();
    if (gone || each.seat->absent_) return true;
    if (!each.answer->given) return false;
    const absl::StatusOr<TransactionPart>& part = each.answer->part;
    if (!part.ok() && !absl::IsUnavailable(part.status())) {
      base::LogWarn("the order of a transaction's events across shards is not kept: {}",
                    std::string(part.status().message()));
      return true;
    }
    if (!part.ok() || part->state == TransactionPart::State::kPrepared) {
      each = AskForPart(*each.seat, transaction, at);
      return false;
    }
    // Of two that wait in the same transaction the one with the smaller name goes first: an order
    // that no document needs, unless two of them change places.
    const bool goes_first = each.seat->holding_in_ == transaction && name_ < each.seat->name_;
    if (part->state == TransactionPart::State::kEnded && !goes_first) {
      needs_.push_back({.of = each.seat, .ts = Next(part->until)});
      latest_need_ = std::max(latest_need_, Next(part->until));
    }
    return true;
  });
  std::erase_if(needs_, [&](const Need& need) {
    return need.of->holding_in_ == transaction && name_ < need.of->name_;
  });
  return asked.empty();
}

void ShardOrder::Seat::Notify() {
  // Whoever checks meanwhile does so with the mutex: it has seen the change, or is waiting by now.
  { const std::lock_guard lock(order_.mutex_); }
  order_.changed_.notify_all();
}

void ShardOrder::Seat::RunProbe(const std::stop_token& stop) {
  const base::ScopedLogContext context(name_);
  std::unique_lock lock(order_.mutex_);
  while (true) {
    asked_.wait(lock, stop, [this] { return !requests_.empty() || wanted_.has_value(); });
    if (stop.stop_requested()) return;
    if (!requests_.empty()) {
      const Request request = std::move(requests_.front());
      requests_.pop_front();
      lock.unlock();
      request(*probe_, stop);
      lock.lock();
      continue;
    }
    const mongo::ClusterTime wanted = *wanted_;
    if (Reached() >= wanted.time) {
      wanted_.reset();
      continue;
    }
    lock.unlock();
    const absl::Status advanced = probe_->Advance(wanted, stop);
    lock.lock();
    if (advanced.ok()) {
      if (wanted_->time == wanted.time) wanted_.reset();
      continue;
    }
    base::LogDebug("cannot be asked to reach {}: {}", wanted.time.seconds,
                   std::string(advanced.message()));
    asked_.wait_for(lock, stop, kAskAgainAfter, [this] { return !requests_.empty(); });
  }
}

}  // namespace shardtail::pipeline
