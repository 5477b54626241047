#include "sink/stream_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <utility>

#include "base/clock.h"
#include "base/file_error.h"
#include "base/status_macros.h"
#include "sink/line_file.h"

namespace shardtail::sink {
namespace {

// So much is gathered at most before it is written.
constexpr size_t kBufferBytes = 1 << 20;

// A pipe that poll() calls writable takes this much without waiting (PIPE_BUF), so that a reader
// that has stopped to read cannot hold us in write().
constexpr size_t kPipePart = 4096;

// How long one wait for a reader takes at most: poll() cannot see a stop request.
constexpr int kPollMilliseconds = 100;

}  // namespace

class StreamSink::Turn {
 public:
  Turn(StreamSink& sink, absl::Duration timeout, const std::stop_token& stop) : sink_(sink) {
    std::unique_lock lock(sink.mutex_);
    const auto is_free = [&sink] { return !sink.taken_; };
    if (timeout == absl::InfiniteDuration()) {
      has_ = sink.free_.wait(lock, stop, is_free);
    } else {
      has_ = sink.free_.wait_for(lock, stop, absl::ToChronoMilliseconds(timeout), is_free);
    }
    if (has_) {
      sink.taken_ = true;
    } else {
      status_ = stop.stop_requested()
                    ? absl::CancelledError(fmt::format("stopped while {} is full", sink.name_))
                    : absl::DeadlineExceededError(fmt::format("nobody reads {}", sink.name_));
    }
  }
  ~Turn() {
    if (!has_) return;
    {
      const std::lock_guard lock(sink_.mutex_);
      sink_.taken_ = false;
    }
    sink_.free_.notify_one();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // Why it is another's turn still; OK: it is ours.
  const absl::Status& status() const { return status_; }

 private:
  StreamSink& sink_;
  bool has_ = false;
  absl::Status status_;
};

StreamSink::StreamSink(int descriptor, std::string name, DeliveryListener& listener)
    : name_(std::move(name)), listener_(listener), descriptor_(descriptor) {
  struct stat status {};
  regular_ = fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
  buffer_.reserve(kBufferBytes);
}

StreamSink::~StreamSink() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::StatusOr<std::unique_ptr<StreamSink>> StreamSink::ToStandardOutput(
    DeliveryListener& listener) {
  // A descriptor of its own, to close.
  const int descriptor = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0) return base::FileError(errno, "cannot use standard output");
  return std::make_unique<StreamSink>(descriptor, "standard output", listener);
}

absl::StatusOr<std::unique_ptr<StreamSink>> StreamSink::ToFile(const std::string& path,
                                                               DeliveryListener& listener) {
  SHARDTAIL_ASSIGN_OR_RETURN(const int descriptor, OpenLineFile(path));
  return std::make_unique<StreamSink>(descriptor, path, listener);
}

absl::Status StreamSink::Send(const Record& record, Ticket ticket, const std::stop_token& stop) {
  const Turn turn(*this, absl::InfiniteDuration(), stop);
  SHARDTAIL_RETURN_IF_ERROR(turn.status());
  SHARDTAIL_RETURN_IF_ERROR(failure_);
  if (buffer_.size() >= kBufferBytes) {
    SHARDTAIL_RETURN_IF_ERROR(WriteAll(absl::InfiniteDuration(), stop));
  }
  Append(record);
  tickets_.push_back(ticket);
  return absl::OkStatus();
}

absl::Status StreamSink::EndBatch(absl::Duration timeout, const std::stop_token& stop) {
  const absl::Duration begun = base::Clock::Real().Monotonic();
  const Turn turn(*this, timeout, stop);
  SHARDTAIL_RETURN_IF_ERROR(turn.status());
  return WriteAll(timeout - (base::Clock::Real().Monotonic() - begun), stop);
}

absl::Status StreamSink::failure() const {
  return failed_.load(std::memory_order_acquire) ? failure_ : absl::OkStatus();
}

void StreamSink::Append(const Record& record) {
  if (line_begin_.empty() || last_topic_ != record.topic) {
    last_topic_ = record.topic;
    rapidjson::StringBuffer topic;
    rapidjson::Writer<rapidjson::StringBuffer>(topic).String(
        last_topic_.data(), static_cast<rapidjson::SizeType>(last_topic_.size()));
    line_begin_ = fmt::format("{}{},\"key\":", kLineBegin, topic.GetString());
  }
  constexpr std::string_view kNull = "null";
  buffer_ += line_begin_;
  buffer_ += record.key.empty() ? kNull : record.key;
  buffer_ += ",\"value\":";
  buffer_ += record.value.value_or(kNull);
  buffer_ += "}\n";
}

absl::Status StreamSink::WriteAll(absl::Duration timeout, const std::stop_token& stop) {
  SHARDTAIL_RETURN_IF_ERROR(failure_);
  base::Clock& clock = base::Clock::Real();
  const absl::Duration begun = clock.Monotonic();
  while (written_ < buffer_.size()) {
    const std::string_view left = std::string_view(buffer_).substr(written_);
    if (regular_) {
      SHARDTAIL_RETURN_IF_ERROR(WritePart(left));
      continue;
    }
    pollfd reader{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    const int ready = poll(&reader, 1, kPollMilliseconds);
    if (ready > 0) {
      SHARDTAIL_RETURN_IF_ERROR(WritePart(left.substr(0, kPipePart)));
      continue;
    }
    if (ready < 0 && errno != EINTR) {
      return Fail(base::FileError(errno, fmt::format("cannot write to {}", name_)));
    }
    if (stop.stop_requested()) {
      return absl::CancelledError(fmt::format("stopped while nobody reads {}", name_));
    }
    if (clock.Monotonic() - begun >= timeout) {
      return absl::DeadlineExceededError(
          fmt::format("{} events were not written: nobody reads {}", tickets_.size(), name_));
    }
  }
  if (regular_ && !tickets_.empty() && fdatasync(descriptor_) != 0) {
    return Fail(base::FileError(errno, fmt::format("cannot sync {}", name_)));
  }
  buffer_.clear();
  written_ = 0;
  if (tickets_.empty()) return absl::OkStatus();
  listener_.OnDelivered(tickets_);
  tickets_.clear();
  return absl::OkStatus();
}

absl::Status StreamSink::WritePart(std::string_view part) {
  const ssize_t size = write(descriptor_, part.data(), part.size());
  if (size >= 0) {
    written_ += static_cast<size_t>(size);
    return absl::OkStatus();
  }
  // EAGAIN: somebody else has made standard output non-blocking, and it is full after all.
  if (errno == EINTR || errno == EAGAIN) return absl::OkStatus();
  return Fail(base::FileError(errno, errno == EPIPE
                                         ? fmt::format("nobody reads {} any more", name_)
                                         : fmt::format("cannot write events to {}", name_)));
}

absl::Status StreamSink::Fail(const absl::Status& status) {
  failure_ = status;
  failed_.store(true, std::memory_order_release);
  // Frees the lock: a new sink on the same file may come before this one goes.
  close(std::exchange(descriptor_, -1));
  for (const Ticket ticket : tickets_) listener_.OnFailed(ticket, status);
  tickets_.clear();
  return failure_;
}

}  // namespace shardtail::sink
