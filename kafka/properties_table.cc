#include "kafka/properties_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <limits>

#include "base/status_macros.h"

namespace shardtail::kafka {
namespace {

using Fate = PropertyRule::Fate;
using Result = absl::StatusOr<Converted>;

std::string Lowered(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

absl::Status Wrong(const std::string& value, std::string_view what_to_do) {
  return absl::InvalidArgumentError(fmt::format("'{}': {}", value, what_to_do));
}

absl::StatusOr<int64_t> WholeNumber(const std::string& value) {
  int64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto [stopped, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || stopped != end) return Wrong(value, "is not a whole number");
  return number;
}

Result AllOnly(const std::string& value) {
  if (value == "-1" || Lowered(value) == "all") return Converted{.value = "all", .note = ""};
  return Wrong(value,
               "an event that one broker alone has can be lost with it; set it to all, or leave it "
               "out");
}

Result TrueOnly(const std::string& value) {
  if (Lowered(value) == "true") return Converted{.value = "true", .note = ""};
  return Wrong(value,
               "without it the broker may repeat and reorder events when it is asked again; set it "
               "to true, or leave it out");
}

Result FalseOnly(const std::string& value) {
  if (Lowered(value) == "false") return Converted{.value = "false", .note = ""};
  return Wrong(value, "would break the order or the count of events; leave it out");
}

Result FiveAtMost(const std::string& value) {
  SHARDTAIL_ASSIGN_OR_RETURN(const int64_t number, WholeNumber(value));
  if (number >= 1 && number <= 5) return Converted{.value = value, .note = ""};
  return Wrong(value, "the order of events is kept with 1 to 5 requests in flight only");
}

Result OneAtLeast(const std::string& value) {
  SHARDTAIL_ASSIGN_OR_RETURN(const int64_t number, WholeNumber(value));
  if (number >= 1) return Converted{.value = value, .note = ""};
  return Wrong(value, "an idempotent producer must try again; leave it out");
}

Result DefaultPartitionerOnly(const std::string& value) {
  if (value.empty() || value == "null" || value.ends_with(".DefaultPartitioner")) {
    return Converted{.value = "murmur2_random", .note = ""};
  }
  return Wrong(value,
               "Java classes cannot be loaded, and another partition for a key would break its "
               "order; leave it out for Kafka's default partitioner (murmur2)");
}

Result KeyedPartitionerOnly(const std::string& value) {
  if (value != "random") return Converted{.value = value, .note = ""};
  return Wrong(value,
               "would scatter the events of one document and break their order; leave it out for "
               "Kafka's default partitioner (murmur2_random)");
}

Result FifoOnly(const std::string& value) {
  if (value == "fifo") return Converted{.value = value, .note = ""};
  return Wrong(value, "would break the order of events; leave it out");
}

Result BytesToKilobytes(const std::string& value) {
  SHARDTAIL_ASSIGN_OR_RETURN(const int64_t bytes, WholeNumber(value));
  if (bytes < 0) return Wrong(value, "is negative");
  return Converted{.value = fmt::format("{}", std::max<int64_t>((bytes + 1023) / 1024, 1)),
                   .note = ""};
}

// Connect sets Integer.MAX_VALUE where it means "for ever"; that is librdkafka's 0.
Result LargestIsForever(const std::string& value) {
  SHARDTAIL_ASSIGN_OR_RETURN(const int64_t milliseconds, WholeNumber(value));
  const bool forever = milliseconds >= std::numeric_limits<int32_t>::max();
  return Converted{.value = forever ? "0" : value, .note = ""};
}

// Java's -1 is librdkafka's 0: the operating system's buffer size, or no limit.
Result MinusOneIsZero(const std::string& value) {
  return Converted{.value = value == "-1" ? "0" : value, .note = ""};
}

template <int64_t kLowest, int64_t kHighest>
Result Within(const std::string& value) {
  SHARDTAIL_ASSIGN_OR_RETURN(const int64_t number, WholeNumber(value));
  const int64_t taken = std::clamp(number, kLowest, kHighest);
  return Converted{.value = fmt::format("{}", taken),
                   .note = taken == number
                               ? ""
                               : fmt::format("{} is taken as {}, the {} that librdkafka knows",
                                             value, taken, taken < number ? "highest" : "lowest")};
}

Result HostnameCheck(const std::string& value) {
  return Converted{.value = value.empty() ? "none" : value, .note = ""};
}

Result LowerCase(const std::string& value) {
  return Converted{.value = Lowered(value), .note = ""};
}

// Java wants the program, librdkafka the whole command.
Result KinitCommand(const std::string& value) {
  if (value.find(' ') != std::string::npos) return Converted{.value = value, .note = ""};
  const std::string login =
      value + R"( -t "%{sasl.kerberos.keytab}" -k %{sasl.kerberos.principal})";
  const std::string renewal =
      value + R"( -R -t "%{sasl.kerberos.keytab}" -k %{sasl.kerberos.principal})";
  return Converted{.value = renewal + " || " + login, .note = ""};
}

Result CipherSuites(const std::string& value) {
  if (value.find("TLS_") == std::string::npos) {
    std::string list = value;
    std::ranges::replace(list, ',', ':');
    return Converted{.value = list, .note = ""};
  }
  return Wrong(value, "give the names of OpenSSL (see `openssl ciphers -v`), separated by commas");
}

Result AllAddressesOnly(const std::string& value) {
  if (value == "use_all_dns_ips" || value == "default")
    return Converted{.value = value, .note = ""};
  return Wrong(value,
               "is not there; name the brokers in bootstrap.servers by their canonical names, and "
               "leave it out");
}

constexpr std::string_view kJvm = "it is about the Java virtual machine";
constexpr std::string_view kMetrics = "it is about Java's own metrics; shardtail has its own";
constexpr std::string_view kKeyed = "every record has a key, and the key decides the partition";
constexpr std::string_view kBytes = "records are written as the bytes that the converters make";
constexpr std::string_view kOauth =
    "it is about OAUTHBEARER, which this build of librdkafka does not log in with";
constexpr std::string_view kRenewal = "kinit renews a Kerberos ticket at a fixed interval";
constexpr std::string_view kNoTransactions = "records are not written in transactions";
constexpr std::string_view kRefusedClass =
    "names a Java class, and those cannot be loaded; remove the property";
constexpr std::string_view kOwn = "shardtail itself sets it; remove the property";

constexpr PropertyRule kRules[] = {
    {"bootstrap.servers", Fate::kHandedOver, "bootstrap.servers"},
    {"client.dns.lookup", Fate::kNoEffect, "every address of a broker is tried", AllAddressesOnly},
    {"buffer.memory", Fate::kHandedOver, "queue.buffering.max.kbytes", BytesToKilobytes},
    {"retries", Fate::kHandedOver, "retries", OneAtLeast},
    {"acks", Fate::kHandedOver, "acks", AllOnly},
    {"compression.type", Fate::kHandedOver, "compression.type", LowerCase},
    // Of these the codec's own is taken, see TranslateCompressionLevel in property_map.cc.
    {"compression.gzip.level", Fate::kNoEffect, "compression.type names another codec"},
    {"compression.lz4.level", Fate::kNoEffect, "compression.type names another codec"},
    {"compression.zstd.level", Fate::kNoEffect, "compression.type names another codec"},
    {"batch.size", Fate::kHandedOver, "batch.size", Within<1, 2147483647>},
    {"partitioner.adaptive.partitioning.enable", Fate::kNoEffect, kKeyed},
    {"partitioner.availability.timeout.ms", Fate::kNoEffect, kKeyed},
    {"partitioner.ignore.keys", Fate::kNoEffect, kKeyed, FalseOnly},
    {"linger.ms", Fate::kHandedOver, "linger.ms"},
    {"delivery.timeout.ms", Fate::kHandedOver, "message.timeout.ms", LargestIsForever},
    {"client.id", Fate::kHandedOver, "client.id"},
    {"send.buffer.bytes", Fate::kHandedOver, "socket.send.buffer.bytes", MinusOneIsZero},
    {"receive.buffer.bytes", Fate::kHandedOver, "socket.receive.buffer.bytes", MinusOneIsZero},
    {"max.request.size", Fate::kHandedOver, "message.max.bytes", Within<1000, 1000000000>},
    {"reconnect.backoff.ms", Fate::kHandedOver, "reconnect.backoff.ms", Within<0, 3600000>},
    {"reconnect.backoff.max.ms", Fate::kHandedOver, "reconnect.backoff.max.ms", Within<0, 3600000>},
    {"retry.backoff.ms", Fate::kHandedOver, "retry.backoff.ms", Within<1, 300000>},
    {"retry.backoff.max.ms", Fate::kNoEffect, "requests are tried again every retry.backoff.ms"},
    {"enable.metrics.push", Fate::kNoEffect, kMetrics},
    {"max.block.ms", Fate::kNoEffect,
     "shardtail waits for the broker as long as it takes, and reads on when there is room"},
    // Not librdkafka's property of the same name, which is about the broker's side alone.
    {"request.timeout.ms", Fate::kHandedOver, "socket.timeout.ms", Within<10, 300000>},
    {"metadata.max.age.ms", Fate::kHandedOver, "topic.metadata.refresh.interval.ms",
     Within<1, 3600000>},
    {"metadata.max.idle.ms", Fate::kNoEffect, "topics that are not used any more cost nothing"},
    {"metrics.sample.window.ms", Fate::kNoEffect, kMetrics},
    {"metrics.num.samples", Fate::kNoEffect, kMetrics},
    {"metrics.recording.level", Fate::kNoEffect, kMetrics},
    {"metric.reporters", Fate::kNoEffect, kMetrics},
    {"auto.include.jmx.reporter", Fate::kNoEffect, kMetrics},
    {"max.in.flight.requests.per.connection", Fate::kHandedOver,
     "max.in.flight.requests.per.connection", FiveAtMost},
    {"key.serializer", Fate::kNoEffect, kBytes},
    {"value.serializer", Fate::kNoEffect, kBytes},
    {"socket.connection.setup.timeout.ms", Fate::kHandedOver, "socket.connection.setup.timeout.ms",
     Within<1000, 2147483647>},
    {"socket.connection.setup.timeout.max.ms", Fate::kNoEffect,
     "each connection has socket.connection.setup.timeout.ms"},
    {"connections.max.idle.ms", Fate::kHandedOver, "connections.max.idle.ms", MinusOneIsZero},
    {"partitioner.class", Fate::kHandedOver, "partitioner", DefaultPartitionerOnly},
    {"interceptor.classes", Fate::kRefused, kRefusedClass},
    {"security.protocol", Fate::kHandedOver, "security.protocol", LowerCase},
    {"security.providers", Fate::kNoEffect, kJvm},
    {"ssl.protocol", Fate::kNoEffect, "OpenSSL takes the newest version that both sides know"},
    {"ssl.provider", Fate::kNoEffect, kJvm},
    {"ssl.cipher.suites", Fate::kHandedOver, "ssl.cipher.suites", CipherSuites},
    {"ssl.enabled.protocols", Fate::kNoEffect,
     "OpenSSL takes the newest version that both sides know; the oldest allowed is MinProtocol in "
     "openssl.cnf"},
    {"ssl.keystore.type", Fate::kSecurity, ""},
    {"ssl.keystore.location", Fate::kSecurity, ""},
    {"ssl.keystore.password", Fate::kSecurity, ""},
    {"ssl.key.password", Fate::kHandedOver, "ssl.key.password"},
    {"ssl.keystore.key", Fate::kHandedOver, "ssl.key.pem"},
    {"ssl.keystore.certificate.chain", Fate::kHandedOver, "ssl.certificate.pem"},
    {"ssl.truststore.certificates", Fate::kHandedOver, "ssl.ca.pem"},
    {"ssl.truststore.type", Fate::kSecurity, ""},
    {"ssl.truststore.location", Fate::kSecurity, ""},
    {"ssl.truststore.password", Fate::kSecurity, ""},
    {"ssl.keymanager.algorithm", Fate::kNoEffect, kJvm},
    {"ssl.trustmanager.algorithm", Fate::kNoEffect, kJvm},
    {"ssl.endpoint.identification.algorithm", Fate::kHandedOver,
     "ssl.endpoint.identification.algorithm", HostnameCheck},
    {"ssl.secure.random.implementation", Fate::kNoEffect, kJvm},
    {"ssl.engine.factory.class", Fate::kRefused, kRefusedClass},
    {"sasl.kerberos.service.name", Fate::kHandedOver, "sasl.kerberos.service.name"},
    {"sasl.kerberos.kinit.cmd", Fate::kHandedOver, "sasl.kerberos.kinit.cmd", KinitCommand},
    {"sasl.kerberos.ticket.renew.window.factor", Fate::kNoEffect, kRenewal},
    {"sasl.kerberos.ticket.renew.jitter", Fate::kNoEffect, kRenewal},
    {"sasl.kerberos.min.time.before.relogin", Fate::kHandedOver,
     "sasl.kerberos.min.time.before.relogin", Within<0, 86400000>},
    {"sasl.login.refresh.window.factor", Fate::kNoEffect, kOauth},
    {"sasl.login.refresh.window.jitter", Fate::kNoEffect, kOauth},
    {"sasl.login.refresh.min.period.seconds", Fate::kNoEffect, kOauth},
    {"sasl.login.refresh.buffer.seconds", Fate::kNoEffect, kOauth},
    {"sasl.mechanism", Fate::kSecurity, ""},
    {"sasl.jaas.config", Fate::kSecurity, ""},
    {"sasl.client.callback.handler.class", Fate::kRefused, kRefusedClass},
    {"sasl.login.callback.handler.class", Fate::kRefused, kRefusedClass},
    {"sasl.login.class", Fate::kRefused, kRefusedClass},
    {"sasl.login.connect.timeout.ms", Fate::kNoEffect, kOauth},
    {"sasl.login.read.timeout.ms", Fate::kNoEffect, kOauth},
    {"sasl.login.retry.backoff.max.ms", Fate::kNoEffect, kOauth},
    {"sasl.login.retry.backoff.ms", Fate::kNoEffect, kOauth},
    {"sasl.oauthbearer.scope.claim.name", Fate::kNoEffect, kOauth},
    {"sasl.oauthbearer.sub.claim.name", Fate::kNoEffect, kOauth},
    {"sasl.oauthbearer.token.endpoint.url", Fate::kNoEffect, kOauth},
    {"sasl.oauthbearer.jwks.endpoint.url", Fate::kNoEffect, kOauth},
    {"sasl.oauthbearer.jwks.endpoint.refresh.ms", Fate::kNoEffect, kOauth},
    {"sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Fate::kNoEffect, kOauth},
    {"sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Fate::kNoEffect, kOauth},
    {"sasl.oauthbearer.clock.skew.seconds", Fate::kNoEffect, kOauth},
    {"sasl.oauthbearer.expected.audience", Fate::kNoEffect, kOauth},
    {"sasl.oauthbearer.expected.issuer", Fate::kNoEffect, kOauth},
    {"sasl.oauthbearer.header.urlencode", Fate::kNoEffect, kOauth},
    {"enable.idempotence", Fate::kHandedOver, "enable.idempotence", TrueOnly},
    {"transaction.timeout.ms", Fate::kNoEffect, kNoTransactions},
    {"transactional.id", Fate::kRefused,
     "records are not written in transactions; remove the property"},
    {"metadata.recovery.strategy", Fate::kNoEffect,
     "librdkafka asks the brokers of bootstrap.servers again by itself"},

    // librdkafka's own: second names, and what would break what is promised.
    {"metadata.broker.list", Fate::kHandedOver, "bootstrap.servers"},
    {"compression.codec", Fate::kHandedOver, "compression.type", LowerCase},
    {"queue.buffering.max.ms", Fate::kHandedOver, "linger.ms"},
    {"request.required.acks", Fate::kHandedOver, "acks", AllOnly},
    {"max.in.flight", Fate::kHandedOver, "max.in.flight.requests.per.connection", FiveAtMost},
    {"message.send.max.retries", Fate::kHandedOver, "retries", OneAtLeast},
    {"partitioner", Fate::kHandedOver, "partitioner", KeyedPartitionerOnly},
    {"queuing.strategy", Fate::kHandedOver, "queuing.strategy", FifoOnly},
    {"delivery.report.only.error", Fate::kHandedOver, "delivery.report.only.error", FalseOnly},
    {"enabled_events", Fate::kRefused, kOwn},
    {"log.queue", Fate::kRefused, kOwn},
    {"sasl.mechanisms", Fate::kSecurity, ""},
};

}  // namespace

std::span<const PropertyRule> PropertyRules() { return kRules; }

const PropertyRule* FindPropertyRule(std::string_view name) {
  const auto* const found = std::ranges::find(kRules, name, &PropertyRule::name);
  return found == std::end(kRules) ? nullptr : found;
}

}  // namespace shardtail::kafka
