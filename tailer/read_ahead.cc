#include "tailer/read_ahead.h"

#include <chrono>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace shardtail::tailer {

namespace {

// How often a reader that is held up looks whether the window is due.
constexpr std::chrono::seconds kWindowPause(1);

}  // namespace

ReadAhead::ReadAhead(std::unique_ptr<OplogSource> source, absl::Duration window_interval,
                     OnWindow on_window)
    : source_(std::move(source)),
      window_interval_(window_interval),
      on_window_(std::move(on_window)),
      window_due_(base::Clock::Real().Monotonic()),
      thread_([this](const std::stop_token& stop) { Read(stop); }) {}

bool ReadAhead::HasNext() const {
  const std::lock_guard lock(mutex_);
  return next_.has_value();
}

absl::StatusOr<std::optional<OplogBatch>> ReadAhead::Next(absl::Duration timeout,
                                                          const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, absl::ToChronoNanoseconds(timeout),
                    [this] { return next_.has_value() || woken_; });
  // Also when there is a batch: under load there always is one.
  if (stop.stop_requested()) return absl::CancelledError("stopped while reading the oplog");
  woken_last_ = std::exchange(woken_, false);
  if (!next_.has_value()) return std::nullopt;
  if (!next_->ok()) return next_->status();
  std::optional<OplogBatch> batch = **std::move(next_);
  next_.reset();
  lock.unlock();
  changed_.notify_all();
  return batch;
}

void ReadAhead::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void ReadAhead::Read(const std::stop_token& stop) {
  const std::stop_callback interrupt(stop, [this] { source_->Interrupt(); });
  while (!stop.stop_requested()) {
    absl::StatusOr<OplogBatch> batch = source_->Next();
    const bool ended = !batch.ok();
    if (!ended) AskForWindowWhenDue();
    if (!HandOver(std::move(batch), stop) || ended) return;
  }
}

bool ReadAhead::HandOver(absl::StatusOr<OplogBatch> batch, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, stop, kWindowPause, [this] { return !next_.has_value(); })) {
    if (stop.stop_requested()) return false;
    lock.unlock();
    if (batch.ok()) AskForWindowWhenDue();
    lock.lock();
  }
  next_ = std::move(batch);
  lock.unlock();
  changed_.notify_all();
  return true;
}

void ReadAhead::AskForWindowWhenDue() {
  const absl::Duration now = base::Clock::Real().Monotonic();
  if (on_window_ == nullptr || now < window_due_) return;
  window_due_ = now + window_interval_;
  const absl::StatusOr<OplogWindow> window = source_->Window();
  if (window.ok()) {
    on_window_(*window);
  } else {
    // What is wrong with the connection, the next read says.
    base::LogDebug("the oplog's window is not known: {}", std::string(window.status().message()));
  }
}

}  // namespace shardtail::tailer
