#ifndef SHARDTAIL_BASE_LOG_H_
#define SHARDTAIL_BASE_LOG_H_

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shardtail::base {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

// What every line carries: Debezium's context keys dbz.connectorType ("MongoDB") and
// dbz.connectorName; dbz.connectorContext belongs to the thread, see ScopedLogContext.
struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::string connector_name;  // mongodb.name
};

// Sets how lines are written to standard error. Call before other threads start; before the first
// call, text lines at level info are written.
void ConfigureLog(const LogOptions& options);

bool LogEnabled(LogLevel level);

// Writes one line. `message` must carry no secret. Safe from any thread.
void WriteLog(LogLevel level, std::string_view message);

// Whether standard error is a terminal, and ShowStatus() shows anything.
bool ShowsStatus();

// Lines that stay below the log's on a terminal, in place of those that `owner` showed before; none
// takes them away. They must carry no secret. Safe from any thread.
void ShowStatus(const std::string& owner, std::vector<std::string> lines);

// While it lives, this thread's lines carry `context` (a replica set's name, "snapshot",
// "streaming") as dbz.connectorContext.
class ScopedLogContext {
 public:
  explicit ScopedLogContext(std::string context);
  ~ScopedLogContext();
  ScopedLogContext(const ScopedLogContext&) = delete;
  ScopedLogContext& operator=(const ScopedLogContext&) = delete;

 private:
  std::string previous_;
};

template <typename... Args>
void Log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (LogEnabled(level)) WriteLog(level, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogDebug(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kDebug, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogInfo(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogWarn(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kWarn, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogError(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kError, format, std::forward<Args>(args)...);
}

}  // namespace shardtail::base

#endif  // SHARDTAIL_BASE_LOG_H_
