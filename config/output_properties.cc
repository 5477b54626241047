#include "config/property_table.h"

namespace shardtail::config {
namespace {

using Kafka = kafka::Options;
using Offsets = offsets::Options;

constexpr Range kPositiveOrBrokersDefault{-1, kLargestInt};

// A number of partitions or replicas: 1 or more, or -1 for the broker's own default.
Property Count(std::string name, int64_t highest, const FieldOf<int>& field, std::string help) {
  Property property =
      Integer(std::move(name), {kPositiveOrBrokersDefault.lowest, highest}, field, std::move(help));
  property.type = "integer, 1 or more, or -1";
  property.read = [read = property.read, field](std::string_view written, const std::string& value,
                                                Configuration& into) {
    absl::Status status = read(written, value, into);
    if (status.ok() && field(into) == 0) {
      return absl::InvalidArgumentError(
          "0 is out of range: give 1 or more, or -1 for the broker's "
          "default");
    }
    return status;
  };
  return property;
}

// A property of Kafka's clients that is kept under its own name.
Property ForEveryClient(std::string name) {
  Property property{.name = std::move(name),
                    .type = "string",
                    .help = "Kafka's own, for every client: producer, offsets and topics."};
  property.read = [](std::string_view written, const std::string& value, Configuration& into) {
    into.sink.kafka.common[std::string(written)] = Trimmed(value);
    return absl::OkStatus();
  };
  return property;
}

PropertyGroup Output() {
  using sink::Type;
  return {.title = "Where events go",
          .introduction = "",
          .properties = {
              Choice<Type>(
                  "sink.type",
                  {{"kafka", Type::kKafka}, {"stdout", Type::kStdout}, {"file", Type::kFile}},
                  Field(&sink::Options::type),
                  "shardtail's own. `stdout` and `file` write one JSON object a line: topic, key, "
                  "value.")
                  .WithDefault("`kafka` with `bootstrap.servers`, else `stdout`"),
              Text("sink.file.path", Field(&sink::Options::file_path),
                   "shardtail's own. The file that `sink.type=file` appends to."),
          }};
}

PropertyGroup KafkaClients() {
  PropertyGroup group{
      .title = "Kafka",
      .introduction =
          "Kafka's (Java's) names, or librdkafka's where Java has none. In Kafka Connect, "
          "`bootstrap.servers`, `producer.*` and the names without a prefix stand in the worker's "
          "file (`run --worker`), `producer.override.*` in the connector's; here all may stand in "
          "either.",
      .properties = {
          Text("bootstrap.servers", Field(&Kafka::bootstrap_servers),
               "The brokers to begin with: `host:port,…`."),
          Family("producer.*", Field(&Kafka::producer), "Properties of the producer."),
          Family("producer.override.*", Field(&Kafka::producer_override),
                 "The same, and over those of `producer.*`."),
      }};
  for (const char* name :
       {"security.protocol", "sasl.*", "ssl.*", "client.id", "client.dns.lookup",
        "connections.max.idle.ms", "metadata.max.age.ms", "receive.buffer.bytes",
        "reconnect.backoff.ms", "reconnect.backoff.max.ms", "request.timeout.ms",
        "retry.backoff.ms", "retry.backoff.max.ms", "send.buffer.bytes",
        "socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms"}) {
    group.properties.push_back(ForEveryClient(name));
  }
  for (const char* name : {"consumer.*", "admin.*"}) {
    group.properties.push_back(
        WithoutEffect(name, AnyText(), "",
                      "offsets and topics are reached with the names without a prefix, as in Kafka "
                      "Connect"));
  }
  return group;
}

PropertyGroup Topics() {
  const std::string other =
      "only topic.creation.default.partitions and "
      "topic.creation.default.replication.factor are there; create topics "
      "that need more yourself";
  return {
      .title = "Making topics",
      .introduction =
          "Without these the broker makes topics by its own settings, if it does "
          "(`auto.create.topics.enable`).",
      .properties = {
          Count("topic.creation.default.partitions", kLargestInt, Field(&Kafka::topic_partitions),
                "Partitions of a topic that is not there yet; -1: the broker's default. Goes with "
                "the replication factor.")
              .WithDefault(""),
          Count("topic.creation.default.replication.factor", 32767,
                Field(&Kafka::topic_replication_factor),
                "Replicas of a topic that is not there yet; -1: the broker's default.")
              .WithDefault(""),
          Property{.name = "topic.creation.enable",
                   .type = "boolean",
                   .default_text = "true",
                   .help = "`false`: topics are not made, whatever else is given here.",
                   .read = [](std::string_view, const std::string& value,
                              Configuration&) { return ParseBoolean(value).status(); }},
          Refused("topic.creation.groups", "list", "", other),
          Refused("topic.creation.*", "string", "", other),
      }};
}

PropertyGroup StoredOffsets() {
  return {
      .title = "Offsets",
      .introduction =
          "Stored in Kafka Connect's own form, so that a Debezium 1.3 connector's offsets are "
          "continued from. The topic and the file exclude each other. With neither, `sink.type` "
          "decides: with `kafka` the topic is `connect-offsets` (the name in Kafka Connect's "
          "example; name yours to continue from it), else the file is `<mongodb.name>.offsets` in "
          "the working directory.",
      .properties = {
          Text("offset.storage.topic", Field(&Offsets::topic),
               "The compacted topic of offsets; made when it is not there.")
              .WithDefault("`connect-offsets` when events go to Kafka"),
          Text("offset.storage.file.filename", Field(&Offsets::file_name), "The file of offsets.")
              .WithDefault("`<mongodb.name>.offsets` when they do not"),
          Count("offset.storage.partitions", kLargestInt, Field(&Offsets::topic_partitions),
                "Partitions of that topic when it is made; -1: the broker's default."),
          Count("offset.storage.replication.factor", 32767,
                Field(&Offsets::topic_replication_factor),
                "Replicas of that topic when it is made; -1: the broker's default."),
          Milliseconds("offset.flush.interval.ms", kPositive, Field(&Offsets::flush_interval),
                       "How often the position is stored. (Kafka Connect's default is 60000; less "
                       "is repeated after a crash this way.)"),
          Milliseconds("offset.flush.timeout.ms", kPositive, Field(&Offsets::flush_timeout),
                       "The longest wait for storing it."),
          Property{.name = "offset.storage",
                   .type = "class",
                   .help = "Of Debezium's engine: `FileOffsetBackingStore` or "
                           "`KafkaOffsetBackingStore` (of `org.apache.kafka.connect.storage`) "
                           "chooses between file and topic where neither is named.",
                   .read =
                       [](std::string_view, const std::string& value, Configuration&) {
                         const std::string_view name = Trimmed(value);
                         if (name.ends_with("FileOffsetBackingStore") ||
                             name.ends_with("KafkaOffsetBackingStore")) {
                           return absl::OkStatus();
                         }
                         return absl::InvalidArgumentError(fmt::format(
                             "'{}' is not there; give FileOffsetBackingStore or "
                             "KafkaOffsetBackingStore of org.apache.kafka.connect.storage",
                             name));
                       }},
          WithoutEffect("offset.commit.policy", AnyText(), "",
                        "offset.flush.interval.ms alone says when offsets are stored"),
      }};
}

PropertyGroup HttpServer() {
  return {
      .title = "Metrics, health and status",
      .introduction =
          "shardtail's own. One HTTP server: `/metrics`, `/health`, `/status`; see "
          "[metrics.md](metrics.md).",
      .properties = {
          Integer(
              "http.port", {-1, 65535}, Field(&http::Options::port),
              "The port it listens on. 0: any that is free, which the log tells; -1: no server."),
          Text("http.host", Field(&http::Options::host),
               "The address it listens on: this machine only, `0.0.0.0` for all of IPv4, `::` for "
               "all. There is no authentication."),
          Milliseconds(
              "health.stalled.after.ms", kPositive, Field(&monitoring::Options::stalled_after),
              "A replica set of which no oplog entry was read for longer is not ready. Three "
              "times the server's `periodicNoopIntervalSecs`: a primary at rest writes a "
              "no-op as often."),
      }};
}

PropertyGroup LogOutput() {
  using base::LogFormat;
  using base::LogLevel;
  return {
      .title = "Log",
      .introduction = "shardtail's own. The log goes to standard error.",
      .properties = {
          Choice<LogFormat>("log.format", {{"text", LogFormat::kText}, {"json", LogFormat::kJson}},
                            Field(&base::LogOptions::format), "Lines of text, or of JSON."),
          Choice<LogLevel>("log.level",
                           {{"trace", LogLevel::kTrace},
                            {"debug", LogLevel::kDebug},
                            {"info", LogLevel::kInfo},
                            {"warn", LogLevel::kWarn},
                            {"error", LogLevel::kError}},
                           Field(&base::LogOptions::level), "The least that is written."),
      }};
}

}  // namespace

std::vector<PropertyGroup> OutputProperties() {
  return {Output(), KafkaClients(), Topics(), StoredOffsets(), HttpServer(), LogOutput()};
}

}  // namespace shardtail::config
