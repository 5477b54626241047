#include "config/consistency.h"

#include <algorithm>
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

void CheckRequired(const GivenProperties& given, Findings* mistakes) {
  if (!Has(given, "mongodb.hosts")) {
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

// `name` means nothing without `needed`.
void CheckNeeds(const GivenProperties& given, const std::string& name, const std::string& needed,
                Findings* mistakes) {
  if (Has(given, name) && !Has(given, needed)) {
    mistakes->Add(needed, fmt::format("is missing, for {} is given", Written(given, name)));
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

void CheckTls(const GivenProperties& given, const Configuration& configuration,
              Findings* mistakes) {
  if (configuration.mongo.ssl) return;
  for (const char* name : {"mongodb.ssl.ca.file", "mongodb.ssl.certificate.key.file"}) {
    if (Has(given, name)) {
      mistakes->Add(name,
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

}  // namespace

void CompleteDefaults(const GivenProperties& given, Configuration* configuration, Findings* notes) {
  Configuration& c = *configuration;
  c.encoding.connector_version = SHARDTAIL_VERSION;
  c.offsets.logical_name = c.encoding.logical_name;
  c.log.connector_name = c.encoding.logical_name;
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
}

void CheckTogether(const GivenProperties& given, const Configuration& configuration,
                   Findings* mistakes) {
  CheckRequired(given, mistakes);
  CheckExclusive(given, "database.include.list", "database.exclude.list", mistakes);
  CheckExclusive(given, "collection.include.list", "collection.exclude.list", mistakes);
  CheckExclusive(given, "offset.storage.topic", "offset.storage.file.filename", mistakes);
  CheckNeeds(given, "mongodb.user", "mongodb.password", mistakes);
  CheckNeeds(given, "mongodb.password", "mongodb.user", mistakes);
  if (configuration.topology.backoff_max < configuration.topology.backoff_initial) {
    mistakes->Add("connect.backoff.max.delay.ms",
                  "is less than connect.backoff.initial.delay.ms; make it at least as long");
  }
  CheckQueue(given, mistakes);
  CheckTls(given, configuration, mistakes);
  CheckOutput(given, configuration, mistakes);
}

}  // namespace shardtail::config
