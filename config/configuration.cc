#include "config/configuration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "base/status_macros.h"
#include "config/connect_json.h"
#include "config/consistency.h"
#include "config/merge.h"
#include "config/near_names.h"
#include "config/properties_file.h"
#include "config/property_table.h"
#include "config/references.h"
#include "config/snapshot_queries.h"
#include "config/text_file.h"

namespace shardtail::config {
namespace {

bool LooksLikeJson(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::string_view rest = Trimmed(text);
  return rest.starts_with('{') || rest.starts_with('[');
}

std::vector<std::string> Lines(const absl::Status& status) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(status.message())};
  for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));
  return lines;
}

void Append(const std::vector<std::string>& more, std::vector<std::string>* lines) {
  lines->insert(lines->end(), more.begin(), more.end());
}

absl::Status WithFileName(const std::string& path, const absl::Status& status) {
  const std::string next = fmt::format("\n{}: ", path);
  return absl::Status(status.code(), fmt::format("{}: {}", path, fmt::join(Lines(status), next)));
}

void AddUnknown(const Given& property, const std::string& name, Findings* mistakes) {
  const std::string nearest = NearestName(name, NamesToMean(name));
  mistakes->Add(property.written,
                nearest.empty()
                    ? "is not a known property; `shardtail config` lists all"
                    : fmt::format("is not a known property; did you mean {}?", nearest));
}

// What a reference stands for may be a secret, so the reader's words, which may quote it, are not
// shown then.
void AddMistakes(const Property& property, const Given& given, const absl::Status& status,
                 Findings* mistakes) {
  if (!given.reference.empty() && property.effect != Effect::kRefused) {
    mistakes->Add(given.written, fmt::format("what {} stands for is not valid; the type is: {}",
                                             given.reference, property.type));
    return;
  }
  for (const std::string& line : Lines(status)) {
    mistakes->Add(given.written, line);
  }
}

// `line` with the references themselves in place of what they stand for.
std::string WithReferences(std::string line, const GivenProperties& given) {
  for (const auto& [name, property] : given) {
    const std::string value(Trimmed(property.value));
    if (property.reference.empty() || value.empty()) continue;
    for (size_t at = line.find(value); at != std::string::npos;
         at = line.find(value, at + property.reference.size())) {
      line.replace(at, value.size(), property.reference);
    }
  }
  return line;
}

// Reads each property in the table's order.
void ReadAll(const GivenProperties& given, Configuration* configuration, Findings* notes,
             Findings* mistakes) {
  std::multimap<const Property*, const GivenProperties::value_type*> by_property;
  for (const auto& entry : given) {
    const Property* const property = FindProperty(entry.first);
    if (property == nullptr) {
      AddUnknown(entry.second, entry.first, mistakes);
    } else {
      by_property.emplace(property, &entry);
    }
  }
  for (const PropertyGroup& group : PropertyTable()) {
    for (const Property& property : group.properties) {
      const auto [begin, end] = by_property.equal_range(&property);
      for (auto entry = begin; entry != end; ++entry) {
        const auto& [name, value] = *entry->second;
        const absl::Status status = property.read(name, value.value, *configuration);
        if (!status.ok()) {
          AddMistakes(property, value, status, mistakes);
        } else if (property.effect == Effect::kNone) {
          notes->Add(value.written, fmt::format("no effect: {}", property.help));
        }
      }
    }
  }
}

// Before all other properties, which win over it.
void ReadConnectionString(const GivenProperties& given, const ConnectionStringReader& reader,
                          Configuration* configuration, Findings* notes, Findings* mistakes) {
  const std::string name = "mongodb.connection.string";
  const auto found = given.find(name);
  if (!reader || found == given.end() || Trimmed(found->second.value).empty()) return;
  const auto read = reader(Trimmed(found->second.value), &configuration->mongo);
  if (!read.ok()) return AddMistakes(*FindProperty(name), found->second, read.status(), mistakes);
  for (const std::string& note : *read) notes->Add(found->second.written, note);
}

// `mistakes` and `notes`: those that were found so far.
absl::StatusOr<Configuration> LoadGiven(GivenProperties given, Findings notes, Findings mistakes,
                                        const KafkaCheck& check_kafka,
                                        const ConnectionStringReader& read_connection_string,
                                        const QueryReader& read_query) {
  Configuration configuration;
  ReadConnectionString(given, read_connection_string, &configuration, &notes, &mistakes);
  ReadAll(given, &configuration, &notes, &mistakes);
  ReadSnapshotQueries(given, read_query, &configuration, &mistakes);
  CompleteDefaults(given, &configuration, &notes);
  CheckTogether(given, configuration, &mistakes);

  std::vector<std::string> mistake_lines = mistakes.Lines();
  std::vector<std::string> note_lines = notes.Lines();
  if (check_kafka && !configuration.sink.kafka.bootstrap_servers.empty()) {
    const auto checked = check_kafka(configuration.sink.kafka);
    if (checked.ok()) {
      Append(*checked, &note_lines);
    } else {
      for (std::string& line : Lines(checked.status())) {
        mistake_lines.push_back(WithReferences(std::move(line), given));
      }
    }
  }
  if (!mistake_lines.empty()) {
    return absl::InvalidArgumentError(fmt::format("{}", fmt::join(mistake_lines, "\n")));
  }
  Append(note_lines, &configuration.notes);
  configuration.given = std::move(given);
  return configuration;
}

}  // namespace

absl::StatusOr<RawProperties> ReadFile(const std::string& path) {
  SHARDTAIL_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  absl::StatusOr<RawProperties> properties =
      LooksLikeJson(text) ? ParseConnectJson(text) : ParseProperties(text);
  if (!properties.ok()) return WithFileName(path, properties.status());
  return properties;
}

absl::StatusOr<Configuration> Load(const std::optional<RawProperties>& worker,
                                   const RawProperties& connector, const KafkaCheck& check_kafka,
                                   const ConnectionStringReader& read_connection_string,
                                   const QueryReader& read_query) {
  Findings notes;
  Findings mistakes;
  GivenProperties given = Merge(worker, connector, &notes);
  ResolveReferences(&given, &mistakes);
  return LoadGiven(std::move(given), std::move(notes), std::move(mistakes), check_kafka,
                   read_connection_string, read_query);
}

bool IsReloaded(std::string_view name) {
  // With a dot or a star's place at the end: all names that begin so.
  constexpr std::array<std::string_view, 13> kReloaded = {"mongodb.user",
                                                          "mongodb.password",
                                                          "mongodb.authsource",
                                                          "mongodb.connection.string",
                                                          "mongodb.ssl.",
                                                          "database.",
                                                          "collection.",
                                                          "field.",
                                                          "skipped.operations",
                                                          "security.protocol",
                                                          "sasl.",
                                                          "ssl.",
                                                          "producer."};
  return std::ranges::any_of(kReloaded, [name](std::string_view reloaded) {
    return reloaded.ends_with('.') ? name.starts_with(reloaded) : name == reloaded;
  });
}

absl::StatusOr<Reloaded> Reload(const Configuration& running,
                                const std::optional<RawProperties>& worker,
                                const RawProperties& connector, const KafkaCheck& check_kafka,
                                const ConnectionStringReader& read_connection_string,
                                const QueryReader& read_query) {
  SHARDTAIL_ASSIGN_OR_RETURN(const Configuration fresh, Load(worker, connector, check_kafka,
                                                             read_connection_string, read_query));
  Reloaded reloaded;
  GivenProperties mixed;
  for (const auto& [name, property] : running.given) {
    const auto now = fresh.given.find(name);
    if (now == fresh.given.end() || now->second.value != property.value) {
      (IsReloaded(name) ? reloaded.changed : reloaded.ignored).push_back(name);
    }
    if (!IsReloaded(name)) mixed.insert({name, property});
  }
  for (const auto& [name, property] : fresh.given) {
    if (!running.given.contains(name)) {
      (IsReloaded(name) ? reloaded.changed : reloaded.ignored).push_back(name);
    }
    if (IsReloaded(name)) mixed.insert({name, property});
  }
  SHARDTAIL_ASSIGN_OR_RETURN(
      reloaded.configuration,
      LoadGiven(std::move(mixed), {}, {}, check_kafka, read_connection_string, read_query));
  return reloaded;
}

}  // namespace shardtail::config
