#include "signals/signal_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "base/handle.h"
#include "base/log.h"

namespace shardtail::signals {
namespace {

using FileHandle = base::Handle<std::FILE, std::fclose>;

// So long whoever has the file open is waited for: a writer is done by then, and one who reads it
// for ever (`tail -f`) must not keep the signals in it.
constexpr absl::Duration kPatience = absl::Seconds(1);
constexpr absl::Duration kPause = absl::Milliseconds(1);

// nullopt where there is none that can be read.
std::optional<std::string> ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return file.bad() ? std::nullopt : std::optional(std::move(text));
}

}  // namespace

SignalFile::SignalFile(std::string path, absl::Duration interval, Handler handler,
                       base::Clock& clock, Refused refused)
    : path_(std::move(path)),
      interval_(interval),
      handler_(std::move(handler)),
      refused_(std::move(refused)),
      clock_(clock),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

void SignalFile::Run(const std::stop_token& stop) {
  do {
    Look(stop);
  } while (clock_.Sleep(interval_, stop));
}

void SignalFile::Look(const std::stop_token& stop) {
  const std::optional<std::string> text = ReadWhole(path_);
  if (!text.has_value() || text->empty()) return;
  size_t taken = 0;
  int number = 0;
  while (taken < text->size()) {
    const size_t end = text->find('\n', taken);
    const std::string line = text->substr(taken, end - taken);
    if (end == std::string::npos && line != unended_) {
      unended_ = line;  // it may be being written
      break;
    }
    if (!Take(line, ++number)) break;
    taken = end == std::string::npos ? text->size() : end + 1;
  }
  if (taken > 0 && !Cut(taken, stop)) {
    base::LogWarn(
        "the signal file {} cannot be emptied, so its signals come again: give this process the "
        "right to write it",
        path_);
  }
}

bool SignalFile::Cut(size_t taken, const std::stop_token& stop) {
  const FileHandle file(std::fopen(path_.c_str(), "r+be"));
  if (file == nullptr) return false;
  const int descriptor = fileno(file.get());
  // With the lease nobody else has it open, and who opens it waits until it is closed here: nothing
  // is written between the last look at it and the cut. The signal that tells of such a one is
  // ignored by default, unlike SIGIO. See fcntl(2). A file system without leases, or a file of
  // somebody else's, is cut all the same.
  fcntl(descriptor, F_SETSIG, SIGURG);
  absl::Duration waited;
  while (fcntl(descriptor, F_SETLEASE, F_WRLCK) != 0 && errno == EAGAIN && waited < kPatience &&
         clock_.Sleep(kPause, stop)) {
    waited += kPause;
  }
  std::string rest;  // was written meanwhile
  std::array<char, 4096> block{};
  if (fseeko(file.get(), static_cast<off_t>(taken), SEEK_SET) != 0) return false;
  while (const size_t got = std::fread(block.data(), 1, block.size(), file.get())) {
    rest.append(block.data(), got);
  }
  std::rewind(file.get());
  return ftruncate(descriptor, 0) == 0 &&
         std::fwrite(rest.data(), 1, rest.size(), file.get()) == rest.size() &&
         std::fflush(file.get()) == 0;
}

bool SignalFile::Take(std::string_view line, int number) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return true;
  const absl::StatusOr<Signal> signal = ParseSignal(line);
  if (!signal.ok()) {
    metrics_.refused.Add();
    base::LogWarn("line {} of the signal file {} is passed over: {}: {}", number, path_,
                  std::string(signal.status().message()), line);
    if (refused_ != nullptr) refused_(signal.status());
    return true;
  }
  if (const absl::Status taken = handler_(*signal); !taken.ok()) {
    base::LogWarn("signal {} '{}' in the file {} cannot be taken yet: {}", NameOf(signal->action),
                  signal->id, path_, std::string(taken.message()));
    return false;
  }
  base::LogInfo("signal {} '{}' in the file {}", NameOf(signal->action), signal->id, path_);
  metrics_.taken.Add();
  return true;
}

}  // namespace shardtail::signals
