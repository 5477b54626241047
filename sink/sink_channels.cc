#include "sink/sink_channels.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status_macros.h"

namespace shardtail::sink {
namespace {

// The shared sink's ticket is the replica set's with the number of its lane in the upper bits. 48
// bits last for 17 years at half a million records a second.
constexpr int kTicketBits = 48;
constexpr Ticket kTicketMask = (Ticket{1} << kTicketBits) - 1;
constexpr size_t kMostLanes = size_t{1} << (64 - kTicketBits);

}  // namespace

// One shared sink, and the lanes that its deliveries come back on.
class SinkChannels::Routes : public DeliveryListener {
 public:
  // One replica set's way; its number is free again when nothing of it is in flight.
  struct Lane {
    Ticket bits = 0;                       // its number, as a ticket has it
    DeliveryListener* listener = nullptr;  // none: closed; guarded by mutex_
    // Written by the replica set's thread, and with mutex_ held. What is settled was sent before.
    std::atomic<int64_t> sent = 0;
    std::atomic<int64_t> settled = 0;
    std::vector<Ticket> delivered;  // of one report; guarded by mutex_

    int64_t InFlight() const {
      const int64_t done = settled.load(std::memory_order_acquire);
      return sent.load(std::memory_order_relaxed) - done;
    }
  };

  absl::Status MakeSink(const SinkChannels::MakeSink& make) {
    SHARDTAIL_ASSIGN_OR_RETURN(sink_, make(*this));
    return absl::OkStatus();
  }

  SharedSink& sink() { return *sink_; }

  absl::StatusOr<Lane*> Open(DeliveryListener& listener) {
    const std::lock_guard lock(mutex_);
    Lane* lane = nullptr;
    if (!free_.empty()) {
      lane = free_.back();
      free_.pop_back();
    } else if (lanes_.size() < kMostLanes) {
      lane = lanes_.emplace_back(std::make_unique<Lane>()).get();
      lane->bits = static_cast<Ticket>(lanes_.size() - 1) << kTicketBits;
    } else {
      return absl::ResourceExhaustedError(fmt::format(
          "{} sinks are open: give some of the replica sets to another process", kMostLanes));
    }
    lane->listener = &listener;
    return lane;
  }

  // The listener is not called any more when this returns.
  void Close(Lane& lane) {
    const std::lock_guard lock(mutex_);
    lane.listener = nullptr;
    FreeWhenDone(lane);
  }

  // Waits until nothing of the lane is in flight, or the time is over.
  void AwaitSettled(const Lane& lane, absl::Duration timeout) {
    std::unique_lock lock(mutex_);
    ++waiting_;
    settled_.wait_for(lock, absl::ToChronoMilliseconds(timeout),
                      [&lane] { return lane.InFlight() == 0; });
    --waiting_;
  }

  int64_t InFlight() {
    const std::lock_guard lock(mutex_);
    int64_t sum = 0;
    for (const auto& lane : lanes_) sum += lane->InFlight();
    return sum;
  }

  void OnDelivered(std::span<const Ticket> tickets) override {
    const std::lock_guard lock(mutex_);
    Lane* lane = nullptr;
    for (const Ticket ticket : tickets) {
      if (lane == nullptr || (ticket & ~kTicketMask) != lane->bits) {
        lane = lanes_[ticket >> kTicketBits].get();
        if (lane->delivered.empty()) touched_.push_back(lane);
      }
      lane->delivered.push_back(ticket & kTicketMask);
    }
    for (Lane* const each : touched_) {
      if (each->listener != nullptr) each->listener->OnDelivered(each->delivered);
      Settle(*each, static_cast<int64_t>(each->delivered.size()));
      each->delivered.clear();
    }
    touched_.clear();
  }

  void OnFailed(Ticket ticket, const absl::Status& status) override {
    const std::lock_guard lock(mutex_);
    Lane& lane = *lanes_[ticket >> kTicketBits];
    if (lane.listener != nullptr) lane.listener->OnFailed(ticket & kTicketMask, status);
    Settle(lane, 1);
  }

 private:
  // With mutex_ held.
  void Settle(Lane& lane, int64_t count) {
    lane.settled.fetch_add(count, std::memory_order_release);
    if (lane.listener == nullptr) FreeWhenDone(lane);
    if (waiting_ > 0) settled_.notify_all();
  }

  // With mutex_ held.
  void FreeWhenDone(Lane& lane) {
    if (lane.InFlight() == 0) free_.push_back(&lane);
  }

  std::mutex mutex_;  // guards all but what is said to be atomic; taken once for each report
  std::condition_variable settled_;
  int waiting_ = 0;
  std::vector<std::unique_ptr<Lane>> lanes_;  // by number
  std::vector<Lane*> free_;
  std::vector<Lane*> touched_;  // by the report at hand

  std::unique_ptr<SharedSink> sink_;  // goes before what it reports to
};

// One replica set's Sink.
class SinkChannels::Channel : public Sink {
 public:
  Channel(std::shared_ptr<Routes> routes, Routes::Lane& lane, DeliveryListener& listener)
      : routes_(std::move(routes)), lane_(lane), listener_(listener) {}
  ~Channel() override { routes_->Close(lane_); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  absl::Status Send(const Record& record, Ticket ticket, const std::stop_token& stop) override {
    if (stop_ != stop) stop_ = stop;
    // Before the call: the report may come before it returns.
    const int64_t before = lane_.sent.load(std::memory_order_relaxed);
    lane_.sent.store(before + 1, std::memory_order_relaxed);
    absl::Status sent = routes_->sink().Send(record, lane_.bits | ticket, stop);
    if (sent.ok()) return sent;
    lane_.sent.store(before, std::memory_order_relaxed);
    if (!absl::IsCancelled(sent)) listener_.OnFailed(ticket, sent);
    return sent;
  }

  absl::Status EndBatch() override {
    // Also where nothing is in flight: a replica set at rest must leave a failed sink too.
    if (absl::Status failure = routes_->sink().failure(); !failure.ok()) {
      listener_.OnFailed(0, failure);
      return failure;
    }
    if (lane_.InFlight() == 0) return absl::OkStatus();
    return routes_->sink().EndBatch(absl::InfiniteDuration(), stop_);
  }

  absl::Status Flush(absl::Duration timeout) override {
    base::Clock& clock = base::Clock::Real();
    const absl::Duration deadline = clock.Monotonic() + timeout;
    if (lane_.InFlight() > 0) {
      // It is called after the stop request, and has a time of its own.
      SHARDTAIL_RETURN_IF_ERROR(routes_->sink().EndBatch(timeout, {}));
      routes_->AwaitSettled(lane_, deadline - clock.Monotonic());
    }
    SHARDTAIL_RETURN_IF_ERROR(routes_->sink().failure());
    const int64_t left = lane_.InFlight();
    if (left == 0) return absl::OkStatus();
    return absl::DeadlineExceededError(
        fmt::format("{} records were not acknowledged in {}", left, absl::FormatDuration(timeout)));
  }

  int64_t InFlightRecords() const override { return lane_.InFlight(); }

 private:
  const std::shared_ptr<Routes> routes_;
  Routes::Lane& lane_;
  DeliveryListener& listener_;
  std::stop_token stop_;  // of the last Send(): EndBatch() ends with it
};

SinkChannels::SinkChannels(MakeSink make) : make_(std::move(make)) {}

SinkChannels::~SinkChannels() = default;

absl::StatusOr<std::unique_ptr<Sink>> SinkChannels::Open(DeliveryListener& listener) {
  std::shared_ptr<Routes> failed;  // goes without the mutex: ending a producer takes a while
  const std::lock_guard lock(mutex_);
  if (routes_ != nullptr && !routes_->sink().failure().ok()) {
    if (const int64_t left = routes_->InFlight(); left > 0) {
      return absl::UnavailableError(
          fmt::format("a new sink waits until {} records of the failed one have ended: {}", left,
                      std::string(routes_->sink().failure().message())));
    }
    failed = std::exchange(routes_, nullptr);
  }
  if (routes_ == nullptr) {
    auto made = std::make_shared<Routes>();
    SHARDTAIL_RETURN_IF_ERROR(made->MakeSink(make_));
    routes_ = std::move(made);
  }
  SHARDTAIL_ASSIGN_OR_RETURN(Routes::Lane* const lane, routes_->Open(listener));
  return std::make_unique<Channel>(routes_, *lane, listener);
}

}  // namespace shardtail::sink
