#include "config/merge.h"

#include <array>
#include <string_view>
#include <utility>

#include "config/property_table.h"

namespace shardtail::config {
namespace {

// How Debezium Server's names begin, and Kafka Connect's for the same. The first that fits counts.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kDebeziumServerNames = {{
    {"debezium.sink.kafka.producer.bootstrap.servers", "bootstrap.servers"},
    {"debezium.sink.kafka.producer.", "producer."},
    {"debezium.sink.type", "sink.type"},
    {"debezium.source.", ""},
    {"debezium.format.key", "key.converter"},
    {"debezium.format.value", "value.converter"},
    {"debezium.format.header", "header.converter"},
    {"debezium.", ""},  // transforms, predicates
}};

std::string ConnectName(const std::string& written) {
  for (const auto& [theirs, connects] : kDebeziumServerNames) {
    if (written.starts_with(theirs)) {
      return fmt::format("{}{}", connects, written.substr(theirs.size()));
    }
  }
  return written;
}

GivenProperties WithCurrentNames(const RawProperties& file, Findings* notes) {
  GivenProperties given;
  for (const auto& [written, value] : file) {
    if (written == CurrentName(ConnectName(written))) given[written] = {written, value, {}};
  }
  for (const auto& [written, value] : file) {
    const std::string connect_name = ConnectName(written);
    const std::string name = CurrentName(connect_name);
    if (written == name) continue;
    const bool taken = !given.emplace(name, Given{written, value, {}}).second;
    if (taken) {
      notes->Add(written, fmt::format("is not read, for {} is given", name));
    } else if (name != connect_name) {
      notes->Add(written, fmt::format("is read as {}", name));
    }
  }
  return given;
}

bool IsOfConverter(const std::string& name, const std::string& converter) {
  return name.starts_with(converter + ".");
}

// Connect configures a converter from the file that names its class, and from no other.
void MergeConverter(const std::string& converter, GivenProperties* worker,
                    GivenProperties* connector, Findings* notes) {
  if (connector->contains(converter)) {
    worker->erase(converter);
    std::erase_if(*worker,
                  [&](const auto& given) { return IsOfConverter(given.first, converter); });
  } else if (worker->contains(converter)) {
    std::erase_if(*connector, [&](const auto& given) {
      if (!IsOfConverter(given.first, converter)) return false;
      notes->Add(given.second.written,
                 fmt::format("is not read: as in Kafka Connect, {} is configured in the worker's "
                             "file, which names it; to change that, name it here too",
                             converter));
      return true;
    });
  }
}

}  // namespace

GivenProperties Merge(const std::optional<RawProperties>& worker, const RawProperties& connector,
                      Findings* notes) {
  GivenProperties merged = WithCurrentNames(connector, notes);
  if (!worker.has_value()) return merged;
  GivenProperties below = WithCurrentNames(*worker, notes);
  // The worker group's own, by the same name as Debezium's.
  below.erase("heartbeat.interval.ms");
  for (const char* converter : {"key.converter", "value.converter", "header.converter"}) {
    MergeConverter(converter, &below, &merged, notes);
  }
  merged.merge(below);
  return merged;
}

}  // namespace shardtail::config
