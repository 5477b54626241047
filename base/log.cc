#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <mutex>

#include "base/status_lines.h"

namespace shardtail::base {
namespace {

thread_local std::string t_context;  // NOLINT(runtime/string): thread-local, not a global

// One line as Debezium writes it: `2020-10-26 12:00:00,000 INFO  MongoDB|name|context  message`.
class LineFormatter : public spdlog::formatter {
 public:
  explicit LineFormatter(LogOptions options) : options_(std::move(options)) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto since_epoch = message.time.time_since_epoch();
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count() % 1000;
    const std::tm time =
        spdlog::details::os::gmtime(std::chrono::system_clock::to_time_t(message.time));
    const std::string_view text(message.payload.data(), message.payload.size());
    auto to = fmt::appender(out);
    if (options_.format == LogFormat::kJson) {
      fmt::format_to(to,
                     R"({{"timestamp":"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z","level":"{}",)"
                     R"("message":"{}","mdc":{{"dbz.connectorType":"MongoDB",)"
                     R"("dbz.connectorName":"{}","dbz.connectorContext":"{}"}}}})"
                     "\n",
                     time.tm_year + 1900, time.tm_mon + 1, time.tm_mday, time.tm_hour, time.tm_min,
                     time.tm_sec, millis, LevelName(message.level), Escaped(text),
                     Escaped(options_.connector_name), Escaped(t_context));
      return;
    }
    fmt::format_to(to, "{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03} {:<5} MongoDB|{}|{}  {}\n",
                   time.tm_year + 1900, time.tm_mon + 1, time.tm_mday, time.tm_hour, time.tm_min,
                   time.tm_sec, millis, LevelName(message.level), options_.connector_name,
                   t_context, text);
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(options_);
  }

 private:
  static std::string_view LevelName(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::trace:
        return "TRACE";
      case spdlog::level::debug:
        return "DEBUG";
      case spdlog::level::info:
        return "INFO";
      case spdlog::level::warn:
        return "WARN";
      default:
        return "ERROR";
    }
  }

  static std::string Escaped(std::string_view text) {
    std::string escaped;
    escaped.reserve(text.size());
    for (const char c : text) {
      if (c == '"' || c == '\\') {
        escaped += '\\';
        escaped += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        escaped += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      } else {
        escaped += c;
      }
    }
    return escaped;
  }

  const LogOptions options_;
};

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// Standard error, and on a terminal the status lines below what is written.
class StandardError : public spdlog::sinks::base_sink<std::mutex> {
 public:
  bool is_terminal() const { return is_terminal_; }

  void SetStatus(const std::string& owner, std::vector<std::string> lines) {
    const std::lock_guard lock(mutex_);
    if (is_terminal_) Write(status_.Set(owner, std::move(lines), Columns()));
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const std::string_view text(line.data(), line.size());
    is_terminal_ ? Write(status_.Above(text, Columns())) : Write(text);
  }
  void flush_() override { std::fflush(stderr); }

 private:
  static void Write(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
  }

  static size_t Columns() {
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : kUsualColumns;
  }

  static constexpr size_t kUsualColumns = 80;
  const bool is_terminal_ = isatty(STDERR_FILENO) == 1;
  StatusLines status_;
};

const std::shared_ptr<StandardError>& Output() {
  static const auto output = std::make_shared<StandardError>();
  return output;
}

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("shardtail", Output());
    made->set_formatter(std::make_unique<LineFormatter>(LogOptions{}));
    return made;
  }();
  return *logger;
}

}  // namespace

void ConfigureLog(const LogOptions& options) {
  Logger().set_formatter(std::make_unique<LineFormatter>(options));
  Logger().set_level(ToSpdlog(options.level));
}

bool LogEnabled(LogLevel level) { return Logger().should_log(ToSpdlog(level)); }

void WriteLog(LogLevel level, std::string_view message) {
  Logger().log(ToSpdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

bool ShowsStatus() { return Output()->is_terminal(); }

void ShowStatus(const std::string& owner, std::vector<std::string> lines) {
  Output()->SetStatus(owner, std::move(lines));
}

ScopedLogContext::ScopedLogContext(std::string context)
    : previous_(std::exchange(t_context, std::move(context))) {}

ScopedLogContext::~ScopedLogContext() { t_context = std::move(previous_); }

}  // namespace shardtail::base
