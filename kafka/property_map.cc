#include "kafka/property_map.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "kafka/handles.h"
#include "kafka/producer_defaults.h"
#include "kafka/properties_table.h"
#include "kafka/security_properties.h"

namespace shardtail::kafka {
namespace {

using Fate = PropertyRule::Fate;

std::string Trimmed(const std::string& value) {
  constexpr char kBlanks[] = " \t\r\n";
  const size_t begin = value.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return "";
  return value.substr(begin, value.find_last_not_of(kBlanks) - begin + 1);
}

bool IsSecret(std::string_view name) {
  for (const std::string_view part : {"password", "secret", "jaas", "key", ".pem", "token"}) {
    if (name.find(part) != std::string_view::npos) return true;
  }
  return false;
}

// What librdkafka says against a value; empty when it takes it.
std::string Objection(const std::string& name, const std::string& value) {
  const ConfHandle conf(rd_kafka_conf_new());
  std::array<char, 512> text{};
  switch (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text.data(), text.size())) {
    case RD_KAFKA_CONF_OK:
      return "";
    case RD_KAFKA_CONF_UNKNOWN:
      return "neither Kafka's Java client nor librdkafka 2.0 has a property of this name";
    default:
      if (IsSecret(name)) return "librdkafka does not take the value";
      std::string objection = text.data();
      while (objection.ends_with('\n')) objection.pop_back();
      return objection;
  }
}

// librdkafka has one compression.level, Java one for each codec. Returns the property that was
// taken.
std::string TranslateCompressionLevel(const ClientProperties& properties, Translation* into) {
  const auto type = properties.find("compression.type");
  const std::string codec = type == properties.end() ? "lz4" : type->second.value;
  const auto level = properties.find(fmt::format("compression.{}.level", codec));
  if (level == properties.end()) return "";
  const std::string objection = Objection("compression.level", level->second.value);
  if (!objection.empty()) into->Error(level->second, objection);
  into->values["compression.level"] = level->second.value;
  return level->first;
}

void Apply(const PropertyRule& rule, const NamedValue& property, Translation* into) {
  Converted converted{.value = property.value, .note = ""};
  if (rule.convert != nullptr) {
    absl::StatusOr<Converted> result = rule.convert(property.value);
    if (!result.ok()) return into->Error(property, std::string(result.status().message()));
    converted = *std::move(result);
  }
  switch (rule.fate) {
    case Fate::kSecurity:
      return;
    case Fate::kRefused:
      if (property.value.empty() || property.value == "null") return;
      return into->Error(property, rule.text);
    case Fate::kNoEffect:
      return into->Note(property, fmt::format("has no effect: {}", rule.text));
    case Fate::kHandedOver:
      break;
  }
  if (converted.value.empty()) return;  // Java's way to leave a property at its default
  const std::string name(rule.text);
  if (const std::string objection = Objection(name, converted.value); !objection.empty()) {
    return into->Error(property, objection);
  }
  if (!converted.note.empty()) into->Note(property, converted.note);
  into->values[name] = converted.value;
}

Translation Translate(const ClientProperties& properties) {
  Translation translation;
  TranslateSecurity(properties, &translation);
  const std::string level = TranslateCompressionLevel(properties, &translation);
  for (const auto& [name, property] : properties) {
    const PropertyRule* const rule = name == level ? nullptr : FindPropertyRule(name);
    if (rule != nullptr) Apply(*rule, property, &translation);
  }
  // librdkafka's own names last: who writes them means them.
  for (const auto& [name, property] : properties) {
    if (FindPropertyRule(name) != nullptr) continue;
    if (const std::string objection = Objection(name, property.value); !objection.empty()) {
      translation.Error(property, objection);
    } else {
      translation.values[name] = property.value;
    }
  }
  return translation;
}

void CheckBootstrapServers(const std::string& servers, std::vector<std::string>* errors) {
  size_t begin = 0;
  while (begin <= servers.size()) {
    const size_t end = std::min(servers.find(',', begin), servers.size());
    const std::string server = Trimmed(servers.substr(begin, end - begin));
    const size_t colon = server.rfind(':');
    int port = 0;
    const char* const last = server.data() + server.size();
    if (colon == 0 || colon == std::string::npos ||
        std::from_chars(server.data() + colon + 1, last, port).ptr != last || port < 1 ||
        port > 65535) {
      errors->push_back(fmt::format(
          "bootstrap.servers: '{}' is not host:port; give host:port,host:port,…", server));
    }
    begin = end + 1;
  }
}

ClientProperties Labelled(const Options& options) {
  ClientProperties properties;
  properties["bootstrap.servers"] = {"bootstrap.servers", Trimmed(options.bootstrap_servers)};
  for (const auto& [name, value] : options.common) properties[name] = {name, Trimmed(value)};
  return properties;
}

}  // namespace

Translation TranslateForProducer(const Options& options) {
  ClientProperties properties = Labelled(options);
  for (const auto& [name, value] : options.producer) {
    properties[name] = {"producer." + name, Trimmed(value)};
  }
  for (const auto& [name, value] : options.producer_override) {
    properties[name] = {"producer.override." + name, Trimmed(value)};
  }
  Translation translation = Translate(properties);
  for (const ProducerDefault& one : kProducerDefaults) {
    translation.values.try_emplace(std::string(one.name), one.value);
  }
  return translation;
}

Translation TranslateForOtherClients(const Options& options) {
  Translation translation = Translate(Labelled(options));
  translation.values.try_emplace("client.id", "shardtail");
  return translation;
}

absl::StatusOr<std::vector<std::string>> CheckOptions(const Options& options) {
  Translation all = TranslateForProducer(options);
  // What is in both is said once.
  for (const std::string& error : TranslateForOtherClients(options).errors) {
    if (std::ranges::find(all.errors, error) == all.errors.end()) all.errors.push_back(error);
  }
  CheckBootstrapServers(options.bootstrap_servers, &all.errors);
  if ((options.topic_partitions == 0) != (options.topic_replication_factor == 0)) {
    all.errors.emplace_back(
        "topic.creation.default.partitions and topic.creation.default.replication.factor: give "
        "both, or neither (-1: the broker's default)");
  }
  if (!all.errors.empty()) {
    return absl::InvalidArgumentError(fmt::format("{}", fmt::join(all.errors, "\n")));
  }
  return all.notes;
}

}  // namespace shardtail::kafka
