#include "tailer/read_ahead.h"

#include <utility>

namespace shardtail::tailer {

ReadAhead::ReadAhead(std::unique_ptr<OplogSource> source)
    : source_(std::move(source)), thread_([this](const std::stop_token& stop) { Read(stop); }) {}

absl::StatusOr<std::optional<OplogBatch>> ReadAhead::Next(absl::Duration timeout,
                                                          const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const bool ready = changed_.wait_for(lock, stop, absl::ToChronoNanoseconds(timeout),
                                       [this] { return next_.has_value(); });
  // Also when there is a batch: under load there always is one.
  if (stop.stop_requested()) return absl::CancelledError("stopped while reading the oplog");
  if (!ready) return std::nullopt;
  if (!next_->ok()) return next_->status();
  std::optional<OplogBatch> batch = **std::move(next_);
  next_.reset();
  lock.unlock();
  changed_.notify_all();
  return batch;
}

void ReadAhead::Read(const std::stop_token& stop) {
  const std::stop_callback interrupt(stop, [this] { source_->Interrupt(); });
  while (!stop.stop_requested()) {
    absl::StatusOr<OplogBatch> batch = source_->Next();
    const bool ended = !batch.ok();
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return !next_.has_value(); })) return;
      next_ = std::move(batch);
    }
    changed_.notify_all();
    if (ended) return;
  }
}

}  // namespace shardtail::tailer
