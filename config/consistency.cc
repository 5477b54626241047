#include "config/consistency.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "config/values.h"

namespace shardtail::config {
namespace {

constexpr std::string_view kDefaultOffsetTopic = "connect-offsets";
constexpr std::string_view kGiveBroker =
    "give bootstrap.servers, here or in the worker's file (--worker)";

// An empty value is as good as none.
std::string_view ValueOf(const GivenProperties& given, const std::string& name) {
  const auto found = given.find(name);
  return found == given.end() ? std::string_view() : Trimmed(found->second.value);
}

bool Has(const GivenProperties& given, const std::string& name) {
  return !ValueOf(given, name).empty();
}

// The name as the user wrote it.
std::string Written(const GivenProperties& given, const std::string& name) {
  return given.at(name).written;
}

std::string AsFileName(std::string name) {
  std::replace_if(
      name.begin(), name.end(),
      [](unsigned char c) {
        return std::string_view("/\\").find(static_cast<char>(c)) != std::string_view::npos ||
               c <= ' ';
      },
      '_');
  return name;
}

void ChooseOffsetStore(const GivenProperties& given, Configuration* configuration,
                       Findings* notes) {
  offsets::Options& offsets = configuration->offsets;
  if (!offsets.topic.empty() || !offsets.file_name.empty()) return;
  const std::string_view store = ValueOf(given, "offset.storage");
  const bool in_kafka = store.empty() ? configuration->sink.type == sink::Type::kKafka
                                      : store.ends_with("KafkaOffsetBackingStore");
  if (!in_kafka) {
    offsets.file_name = AsFileName(offsets.logical_name) + ".offsets";
    return;
  }
  offsets.topic = kDefaultOffsetTopic;
  notes->Add(
      "offset.storage.topic",
      fmt::format("is not given, so offsets are stored in the topic '{}'; to continue from a "
                  "Kafka Connect's, give the name of its topic",
                  kDefaultOffsetTopic));
}

std::string HostName() {
  // HOST_NAME_MAX is 64 on Linux.
  std::array<char, 256> name = {};
  if (gethostname(name.data(), name.size() - 1) != 0) return "";
  return name.data();
}

// Which of several processes this one is.
void ChooseAssignment(const GivenProperties& given, Configuration* configuration, Findings* notes) {
  topology::Options& topology = configuration->topology;
  // Also of one: a second pod of a StatefulSet whose configuration counts one must not capture all
  // once more.
  if (Has(given, "shard.assignment.count") && !Has(given, "shard.assignment.index")) {
    if (const std::optional<int> ordinal = OrdinalOf(HostName())) {
      topology.assignment_index = *ordinal;
      notes->Add("shard.assignment.index",
                 fmt::format("is {}, by the host name '{}'", *ordinal, HostName()));
    }
  }
  if (topology.assignment_count == 1) {
    if (topology.assignment_index < 0) topology.assignment_index = 0;
    return;
  }
  // The followers of a topic share no group: each process gets every signal.
  signals::Options& signals = configuration->signals;
  signals.group += fmt::format("-{}", topology.assignment_index);
  if (signals.from_topic) {
    notes->Add("signal.kafka.groupId",
               fmt::format("is {}: each of several processes has its own", signals.group));
  }
  if (signals.from_collection && !signals.collection.empty()) {
    notes->Add("signal.data.collection",
               "reaches only the replica sets of the process that captures the one where the "
               "signal is inserted; the topic of signals reaches those of all processes");
  }
}

// A user with a certificate and without a password is one by the certificate.
void ChooseMechanism(mongo::ConnectionOptions* mongo, Findings* notes) {
  if (mongo->auth_mechanism.empty() && !mongo->user.empty() && mongo->password.empty() &&
      !mongo->ssl_certificate_key_file.empty()) {
    mongo->auth_mechanism = mongo::kX509;
    notes->Add("mongodb.user",
               "has a certificate and no password, so it authenticates by MONGODB-X509");
  }
  // The only database that such users are in.
  if (mongo->auth_mechanism == mongo::kX509) mongo->auth_source = "$external";
}

void CheckRequired(const GivenProperties& given, Findings* mistakes) {
  if (!Has(given, "mongodb.hosts") && !Has(given, "mongodb.connection.string")) {
    mistakes->Add("mongodb.hosts", "is missing; give the replica set: rs0/host:port,host:port");
  }
  if (!Has(given, "mongodb.name")) {
    mistakes->Add("mongodb.name",
                  "is missing; give the logical name, with which each topic's name begins");
  }
}

void CheckExclusive(const GivenProperties& given, const std::string& one, const std::string& other,
                    Findings* mistakes) {
  if (Has(given, one) && Has(given, other)) {
    mistakes->Add(fmt::format("{}, {}", Written(given, one), Written(given, other)),
                  "exclude each other; remove one");
  }
}

void CheckQueue(const GivenProperties& given, Findings* mistakes) {
  const auto number = [&given](const std::string& name, int64_t otherwise) {
    return Has(given, name) ? ParseInteger(ValueOf(given, name), kPositive).value_or(-1)
                            : otherwise;
  };
  const int64_t queue = number("max.queue.size", 8192);
  const int64_t batch = number("max.batch.size", 2048);
  if (queue > 0 && batch > 0 && queue <= batch) {
    mistakes->Add("max.queue.size",
                  "must be larger than max.batch.size (the defaults are 8192 and 2048)");
  }
}

// Who to be. A property's name is not always the user's: a connection string may say it, too.
void CheckCredentials(const GivenProperties& given, const Configuration& configuration,
                      Findings* mistakes) {
  const mongo::ConnectionOptions& mongo = configuration.mongo;
  if (mongo.auth_mechanism == mongo::kX509) {
    if (!mongo.password.empty()) {
      mistakes->Add("mongodb.password",
                    "has no place in MONGODB-X509, where the certificate tells who it is; remove "
                    "it");
    }
    if (mongo.ssl_certificate_key_file.empty()) {
      mistakes->Add("mongodb.ssl.certificate.key.file",
                    "is missing, for MONGODB-X509 authenticates by it");
    }
    if (!mongo.ssl) {
      mistakes->Add("mongodb.ssl.enabled",
                    "must be true for MONGODB-X509 (in a connection string: tls=true)");
    }
    return;
  }
  const bool user = !mongo.user.empty();
  if (user == !mongo.password.empty()) return;
  const std::string given_name = user ? "mongodb.user" : "mongodb.password";
  mistakes->Add(user ? "mongodb.password" : "mongodb.user",
                fmt::format("is missing, for {} is given",
                            Has(given, given_name) ? Written(given, given_name) : "a user"));
}

void CheckTls(const GivenProperties& given, const Configuration& configuration,
              Findings* mistakes) {
  if (configuration.mongo.ssl) return;
  for (const char* name : {"mongodb.ssl.ca.file", "mongodb.ssl.certificate.key.file"}) {
    if (Has(given, name)) {
      mistakes->Add(Written(given, name),
                    "has no effect without mongodb.ssl.enabled=true; give that, or remove it");
    }
  }
}

void CheckOutput(const GivenProperties& given, const Configuration& configuration,
                 Findings* mistakes) {
  const bool broker = !configuration.sink.kafka.bootstrap_servers.empty();
  if (configuration.sink.type == sink::Type::kKafka && !broker) {
    mistakes->Add("sink.type", fmt::format("kafka needs a broker; {}", kGiveBroker));
  }
  if (Has(given, "offset.storage.topic") && !broker) {
    mistakes->Add("offset.storage.topic", fmt::format("needs a broker; {}", kGiveBroker));
  }
  const bool to_file = configuration.sink.type == sink::Type::kFile;
  if (to_file && configuration.sink.file_path.empty()) {
    mistakes->Add("sink.file.path", "is missing, for sink.type is file");
  }
  if (!to_file && Has(given, "sink.file.path")) {
    mistakes->Add("sink.file.path",
                  "has no effect without sink.type=file; give that, or remove it");
  }
}

void CheckAssignment(const GivenProperties& given, const Configuration& configuration,
                     Findings* mistakes) {
  const topology::Options& topology = configuration.topology;
  if (topology.assignment_index >= topology.assignment_count) {
    mistakes->Add(
        "shard.assignment.index",
        fmt::format("is {}{}, and with shard.assignment.count={} the highest is {}; start "
                    "no more processes than are counted, each with a number of its own",
                    topology.assignment_index,
                    Has(given, "shard.assignment.index") ? "" : " by the host name",
                    topology.assignment_count, topology.assignment_count - 1));
  }
  if (topology.assignment_count == 1) return;
  if (topology.assignment_index < 0) {
    mistakes->Add("shard.assignment.index",
                  fmt::format("is missing, for shard.assignment.count is {} and this host's name, "
                              "'{}', does not end with a number as in 'shardtail-3'; give it",
                              topology.assignment_count, HostName()));
  }
  if (configuration.offsets.topic.empty()) {
    mistakes->Add("shard.assignment.count",
                  "of more than 1 needs offsets in a Kafka topic, where each process sees how far "
                  "the others are; give offset.storage.topic");
  }
}

void CheckSignals(const signals::Options& signals, Findings* mistakes) {
  if (signals.from_topic && signals.bootstrap_servers.empty()) {
    mistakes->Add("signal.enabled.channels",
                  "kafka needs a broker; give signal.kafka.bootstrap.servers");
  }
}

void CheckNotifications(const Configuration& configuration, Findings* mistakes) {
  if (configuration.notify_sink && configuration.pipeline.notification_topic.empty()) {
    mistakes->Add("notification.sink.topic.name",
                  "is missing, for notification.enabled.channels has sink");
  }
}

}  // namespace

void CompleteDefaults(const GivenProperties& given, Configuration* configuration, Findings* notes) {
  Configuration& c = *configuration;
  ChooseMechanism(&c.mongo, notes);
  c.encoding.connector_version = SHARDTAIL_VERSION;
  c.offsets.logical_name = c.encoding.logical_name;
  c.log.connector_name = c.encoding.logical_name;
  c.monitoring.name = c.encoding.logical_name;
  if (c.offsets.connector_name.empty()) c.offsets.connector_name = c.encoding.logical_name;
  if (Lowered(ValueOf(given, "topic.creation.enable")) == "false") {
    c.sink.kafka.topic_partitions = 0;
    c.sink.kafka.topic_replication_factor = 0;
  }
  if (!Has(given, "sink.type")) {
    const bool broker = !c.sink.kafka.bootstrap_servers.empty();
    c.sink.type = broker ? sink::Type::kKafka : sink::Type::kStdout;
    if (!broker && Has(given, "connector.class")) {
      notes->Add("bootstrap.servers",
                 "is not given, so events are written to standard output; to write to Kafka, give "
                 "it here, or the worker's file by --worker");
    }
  }
  ChooseOffsetStore(given, configuration, notes);
  ChooseAssignment(given, configuration, notes);
  if (!c.notify_sink) c.pipeline.notification_topic.clear();
  if (c.signals.topic.empty()) c.signals.topic = c.encoding.logical_name + "-signal";
  if (c.signals.bootstrap_servers.empty()) {
    c.signals.bootstrap_servers = c.sink.kafka.bootstrap_servers;
  }
}

void CheckTogether(const GivenProperties& given, const Configuration& configuration,
                   Findings* mistakes) {
  CheckRequired(given, mistakes);
  CheckExclusive(given, "database.include.list", "database.exclude.list", mistakes);
  CheckExclusive(given, "collection.include.list", "collection.exclude.list", mistakes);
  CheckExclusive(given, "mongodb.hosts", "mongodb.connection.string", mistakes);
  CheckExclusive(given, "offset.storage.topic", "offset.storage.file.filename", mistakes);
  CheckCredentials(given, configuration, mistakes);
  if (configuration.topology.backoff_max < configuration.topology.backoff_initial) {
    mistakes->Add("connect.backoff.max.delay.ms",
                  "is less than connect.backoff.initial.delay.ms; make it at least as long");
  }
  CheckQueue(given, mistakes);
  CheckSignals(configuration.signals, mistakes);
  CheckAssignment(given, configuration, mistakes);
  CheckNotifications(configuration, mistakes);
  CheckTls(given, configuration, mistakes);
  CheckOutput(given, configuration, mistakes);
}

}  // namespace shardtail::config
