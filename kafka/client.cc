#include "kafka/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_throttle.h"

namespace shardtail::kafka {
namespace {

// How long one attempt for metadata takes: librdkafka's wait cannot be interrupted.
constexpr absl::Duration kAttempt = absl::Milliseconds(250);

constexpr absl::Duration kLogInterval = absl::Seconds(30);

base::LogLevel ToLogLevel(int syslog_level) {
  if (syslog_level <= 2) return base::LogLevel::kError;
  // A connection that fails is tried again: what does not come back is an error event or a status.
  if (syslog_level <= 4) return base::LogLevel::kWarn;
  return syslog_level <= 6 ? base::LogLevel::kInfo : base::LogLevel::kDebug;
}

// librdkafka ends many of its texts with how long it took and how often it happened, which differs
// each time and says nothing to a user.
std::string_view WithoutTiming(std::string_view text) {
  return text.substr(0, std::min(text.rfind(" (after "), text.size()));
}

// Called by librdkafka's threads.
void WriteClientLog(const rd_kafka_t*, int level, const char* facility, const char* text) {
  // One for all clients, and never destroyed: a client that is made anew must not say it all again,
  // and librdkafka's threads may outlive main().
  static auto& throttle = *new base::LogThrottle(base::Clock::Real(), kLogInterval);
  const base::LogLevel our_level = ToLogLevel(level);
  if (!base::LogEnabled(our_level)) return;
  const auto line =
      throttle.Admit(fmt::format("Kafka client, {}: {}", facility, WithoutTiming(text)));
  if (line.has_value()) base::WriteLog(our_level, *line);
}

absl::StatusCode ToCode(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return absl::StatusCode::kOk;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
      return absl::StatusCode::kUnauthenticated;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return absl::StatusCode::kPermissionDenied;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      return absl::StatusCode::kAlreadyExists;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
      return absl::StatusCode::kFailedPrecondition;
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return absl::StatusCode::kInvalidArgument;
    default:
      // Everything else passes, or is made good by a new client.
      return absl::StatusCode::kUnavailable;
  }
}

// How much an error says about why no broker answers.
int Telling(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      return 4;
    case RD_KAFKA_RESP_ERR__SSL:
      return 3;
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return 2;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return 0;
    default:
      return 1;
  }
}

struct Reason {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string text;
};

// Takes the error events that have come, and keeps the most telling.
void CollectReasons(rd_kafka_t* client, Reason* reason) {
  const QueueHandle queue(rd_kafka_queue_get_main(client));
  while (const EventHandle event{rd_kafka_queue_poll(queue.get(), 0)}) {
    if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_ERROR) continue;
    const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
    if (reason->text.empty() || Telling(code) >= Telling(reason->code)) {
      *reason = {code, std::string(WithoutTiming(rd_kafka_event_error_string(event.get())))};
    }
  }
}

}  // namespace

absl::Status ToStatus(rd_kafka_resp_err_t code, const std::string& what,
                      const std::string& detail) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  return absl::Status(
      ToCode(code), fmt::format("{}: {}", what, detail.empty() ? rd_kafka_err2str(code) : detail));
}

absl::StatusOr<ClientHandle> NewClient(rd_kafka_type_t type, const Translation& translation,
                                       int events) {
  if (!translation.errors.empty()) {
    return absl::InvalidArgumentError(fmt::format("{}", fmt::join(translation.errors, "\n")));
  }
  std::array<char, 512> text{};
  ConfHandle conf(rd_kafka_conf_new());
  for (const auto& [name, value] : translation.values) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text.data(), text.size()) !=
        RD_KAFKA_CONF_OK) {
      return absl::InvalidArgumentError(fmt::format("Kafka property {} is not taken", name));
    }
  }
  rd_kafka_conf_set_events(conf.get(), events);
  rd_kafka_conf_set_log_cb(conf.get(), WriteClientLog);
  ClientHandle client(rd_kafka_new(type, conf.get(), text.data(), text.size()));
  if (client == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("the Kafka properties do not go together: {}", text.data()));
  }
  (void)conf.release();  // rd_kafka_new() took it
  return client;
}

absl::StatusOr<MetadataHandle> FetchMetadata(rd_kafka_t* client, const std::string& topic,
                                             const std::string& bootstrap_servers,
                                             absl::Duration timeout, const std::stop_token& stop) {
  base::Clock& clock = base::Clock::Real();
  const absl::Duration deadline = clock.Monotonic() + timeout;
  const TopicHandle handle(topic.empty() ? nullptr
                                         : rd_kafka_topic_new(client, topic.c_str(), nullptr));
  if (!topic.empty() && handle == nullptr) {
    return ToStatus(rd_kafka_last_error(), fmt::format("topic {}", topic));
  }
  Reason reason;
  absl::Duration left = timeout;
  do {
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle.get(), &metadata,
                                                       ToMilliseconds(std::min(left, kAttempt)));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return MetadataHandle(metadata);
    if (reason.text.empty()) reason = {code, rd_kafka_err2str(code)};
    CollectReasons(client, &reason);
    if (reason.code == RD_KAFKA_RESP_ERR__AUTHENTICATION) {
      return absl::UnauthenticatedError(
          fmt::format("the brokers at bootstrap.servers {} refuse the credentials: {}; check "
                      "sasl.mechanism and "
                      "sasl.jaas.config",
                      bootstrap_servers, reason.text));
    }
    if (stop.stop_requested()) {
      return absl::CancelledError(fmt::format("stopped while asking {}", bootstrap_servers));
    }
    left = deadline - clock.Monotonic();
  } while (left > absl::ZeroDuration());
  return absl::UnavailableError(
      fmt::format("no broker at bootstrap.servers {} answered in {}: {}; check the addresses, "
                  "security.protocol, and that Kafka is running",
                  bootstrap_servers, absl::FormatDuration(timeout), reason.text));
}

int ToMilliseconds(absl::Duration duration) {
  const int64_t most = std::numeric_limits<int>::max();
  return static_cast<int>(std::clamp<int64_t>(
      absl::ToInt64Milliseconds(absl::Ceil(duration, absl::Milliseconds(1))), 1, most));
}

}  // namespace shardtail::kafka
