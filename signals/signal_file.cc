#include "signals/signal_file.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "base/log.h"

namespace shardtail::signals {
namespace {

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
    Look();
  } while (clock_.Sleep(interval_, stop));
}

void SignalFile::Look() {
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
  if (taken == 0) return;
  // What was written meanwhile stays.
  const std::string rest = ReadWhole(path_).value_or("").substr(taken);
  std::ofstream file(path_, std::ios::binary | std::ios::trunc);
  file << rest;
  file.close();
  if (!file) {
    base::LogWarn(
        "the signal file {} cannot be emptied, so its signals come again: give this process the "
        "right to write it",
        path_);
  }
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
