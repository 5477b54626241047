#include <fmt/format.h>

#include <string>

#include "config/configuration.h"
#include "config/property_table.h"

namespace shardtail::config {
namespace {

constexpr const char* kIntroduction = R"(# Configuration

<!-- Printed by `shardtail config`; edit config/*_properties.cc instead. -->

`shardtail run [--worker FILE] FILE` reads the configuration of a Debezium 1.3 MongoDB connector: a
`.properties` file, or the JSON that one sends to Kafka Connect (`{"name": …, "config": {…}}`, or the
inner object alone). `--worker` takes the Kafka Connect worker's file, which names the broker; the
connector's properties go over it. All may stand in one file as well.

- A property that is not known is a mistake, and so is a value that cannot be; all mistakes are shown
  at once, and nothing starts.
- *No effect*: accepted, and a line at the start tells why nothing comes of it.
- *Refused*: any value but the default is a mistake, until shardtail can do it.
- A value may hold references, as with Kafka's configuration providers: `${env:NAME}`,
  `${file:/path/to/a.properties:key}`, `${dir:/path:file}`. They need no `config.providers`.
- SIGHUP makes a running process read its files again and take over credentials and filters: `mongodb.user`,
  `mongodb.password`, `mongodb.authsource`, `mongodb.connection.string`, `mongodb.ssl.*`, `database.*`, `collection.*`,
  `field.*`, `skipped.operations`, `security.protocol`, `sasl.*`, `ssl.*`, `producer.*`. What else has changed waits for
  the next start, and the log names it. After a mistake all stays as it was.
- A name that ends in `*` stands for all that begin so.
- Debezium Server's names are read too: `debezium.source.<property>`, `debezium.sink.type`,
  `debezium.sink.kafka.producer.<property>`, `debezium.format.key`, `debezium.format.value`.
)";

// A `|` would end the cell, also between code marks.
std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

// As code, unless the text has its own marks.
std::string DefaultCell(const std::string& text) {
  if (text.empty() || text.find('`') != std::string::npos) return Cell(text);
  return fmt::format("`{}`", Cell(text));
}

std::string HelpCell(const Property& property) {
  std::string help;
  switch (property.effect) {
    case Effect::kImplemented:
      help = property.help;
      break;
    case Effect::kNone:
      help = fmt::format("*No effect*: {}.", property.help);
      break;
    case Effect::kRefused:
      help = fmt::format("*Refused*: {}.", property.help);
      break;
  }
  for (const std::string& other : property.other_names) {
    help += fmt::format(" Also `{}`.", other);
  }
  return Cell(help);
}

// All but the name: properties of which the same is to be said share a line.
std::string OtherCells(const Property& property) {
  return fmt::format("{} | {} | {}", Cell(property.type), DefaultCell(property.default_text),
                     HelpCell(property));
}

}  // namespace

std::string ReferenceMarkdown() {
  std::string text = kIntroduction;
  for (const PropertyGroup& group : PropertyTable()) {
    text += fmt::format("\n## {}\n\n", group.title);
    if (!group.introduction.empty()) text += fmt::format("{}\n\n", group.introduction);
    text += "| property | type | default | |\n|---|---|---|---|\n";
    std::string names;
    std::string last_cells;
    for (const Property& property : group.properties) {
      const std::string cells = OtherCells(property);
      if (cells != last_cells && !names.empty()) {
        text += fmt::format("| {} | {} |\n", names, last_cells);
        names.clear();
      }
      names += fmt::format("{}`{}`", names.empty() ? "" : ", ", property.name);
      last_cells = cells;
    }
    text += fmt::format("| {} | {} |\n", names, last_cells);
  }
  return text;
}

}  // namespace shardtail::config
