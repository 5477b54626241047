#ifndef SHARDTAIL_CONFIG_CONFIGURATION_H_
#define SHARDTAIL_CONFIG_CONFIGURATION_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "encoding/options.h"
#include "filter/options.h"
#include "http/options.h"
#include "kafka/options.h"
#include "mongo/options.h"
#include "monitoring/options.h"
#include "offsets/options.h"
#include "pipeline/options.h"
#include "signals/options.h"
#include "sink/options.h"
#include "topology/options.h"

namespace shardtail::config {

// A property as it was given.
struct Given {
  std::string written;    // the property's name as the user wrote it, for messages
  std::string value;      // references resolved: may be a secret
  std::string reference;  // the value as written, where it held a reference: what may be shown
};

// By the table's names; one that the table does not have stands under its own.
using GivenProperties = std::map<std::string, Given>;

// Everything the process is told, checked, in the types of its components. May hold secrets.
struct Configuration {
  mongo::ConnectionOptions mongo;
  filter::Options filter;
  encoding::Options encoding;
  pipeline::Options pipeline;
  sink::Options sink;
  offsets::Options offsets;
  signals::Options signals;
  bool notify_sink = false;  // notification.enabled.channels: `sink`
  topology::Options topology;
  http::Options http;
  monitoring::Options monitoring;
  base::LogOptions log;

  GivenProperties given;  // that all this was read from

  // What to tell the user at start: properties that are accepted without effect and why, other
  // names and what they are read as, choices made where the user left them open. One line each,
  // and no secret in them.
  std::vector<std::string> notes;
};

// Names and values as written, before any check.
using RawProperties = std::map<std::string, std::string>;

// Reads a .properties file (Java's escapes, continuation lines, comments), or the JSON that one
// POSTs to Kafka Connect (`{"name": …, "config": {…}}`, or the inner object alone), told apart by
// the first character. kInvalidArgument (each mistake a line: file, line where there is one, what)
// or kNotFound (the file cannot be read).
absl::StatusOr<RawProperties> ReadFile(const std::string& path);

// Checks Kafka's own properties, which the table only sorts: returns notes, one a line, or
// kInvalidArgument with all mistakes, one a line. Called when there is a broker.
using KafkaCheck = std::function<absl::StatusOr<std::vector<std::string>>(const kafka::Options&)>;

// Puts what mongodb.connection.string says into the options: returns notes, one a line, or
// kInvalidArgument with all mistakes, one a line, no secret in either.
using ConnectionStringReader = std::function<absl::StatusOr<std::vector<std::string>>(
    std::string_view text, mongo::ConnectionOptions* into)>;

// Turns a query in extended JSON into BSON (bson::FromJson), or says as kInvalidArgument what is
// wrong with it.
using QueryReader = std::function<absl::StatusOr<bson::Document>(std::string_view json)>;

// References (`${env:NAME}` and so on, see references.h) resolved; the `worker` file's properties
// first, the connector's over them. Then every property parsed and checked; one that is given wins
// over the same in mongodb.connection.string. kInvalidArgument lists all mistakes, those of
// the functions that are passed too, one a line, each with the property's name and what to do.
// Without one of those its properties are not looked into.
absl::StatusOr<Configuration> Load(const std::optional<RawProperties>& worker,
                                   const RawProperties& connector,
                                   const KafkaCheck& check_kafka = nullptr,
                                   const ConnectionStringReader& read_connection_string = nullptr,
                                   const QueryReader& read_query = nullptr);

// What files that were read anew change in a running process.
struct Reloaded {
  Configuration configuration;       // the running one but for what changed
  std::vector<std::string> changed;  // these properties, by their names
  std::vector<std::string> ignored;  // changed as well, and taken over by a new start only
};

// Reads the files of a running process again: credentials and filters are taken over, see
// IsReloaded(). Parameters and errors as Load()'s; after an error nothing is to be changed.
absl::StatusOr<Reloaded> Reload(const Configuration& running,
                                const std::optional<RawProperties>& worker,
                                const RawProperties& connector,
                                const KafkaCheck& check_kafka = nullptr,
                                const ConnectionStringReader& read_connection_string = nullptr,
                                const QueryReader& read_query = nullptr);

// Whether a running process takes the property over: credentials of MongoDB and Kafka, TLS, and
// what is captured.
bool IsReloaded(std::string_view name);

// The reference of all properties, in Markdown: docs/configuration.md is exactly this.
std::string ReferenceMarkdown();

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_CONFIGURATION_H_
