#include "config/property_table.h"

namespace shardtail::config {
namespace {

using Signals = signals::Options;

absl::Status ReadChannels(const std::string& value, Configuration& into) {
  Signals& signals = into.signals;
  signals.from_collection = signals.from_topic = signals.from_file = false;
  for (const std::string& channel : SplitList(Lowered(value))) {
    if (channel == "source") {
      signals.from_collection = true;
    } else if (channel == "kafka") {
      signals.from_topic = true;
    } else if (channel == "file") {
      signals.from_file = true;
    } else if (channel == "jmx" || channel == "in-process") {
      into.notes.push_back(fmt::format(
          "signal.enabled.channels: {} is Java's and has no effect; source, kafka and file are "
          "there",
          channel));
    } else {
      return absl::InvalidArgumentError(
          fmt::format("'{}' is not one of source, kafka, file", channel));
    }
  }
  return absl::OkStatus();
}

Property Channels() {
  return {.name = "signal.enabled.channels",
          .type = "list",
          .default_text = "source",
          .help = "Where signals are taken from: `source`, `kafka`, `file`.",
          .read = [](std::string_view, const std::string& value, Configuration& into) {
            return ReadChannels(value, into);
          }};
}

absl::Status ReadNotifications(const std::string& value, Configuration& into) {
  into.pipeline.notify_log = into.notify_sink = false;
  for (const std::string& channel : SplitList(Lowered(value))) {
    if (channel == "sink") {
      into.notify_sink = true;
    } else if (channel == "log") {
      into.pipeline.notify_log = true;
    } else if (channel == "jmx") {
      into.notes.emplace_back(
          "notification.enabled.channels: jmx is Java's and has no effect; sink and log are there");
    } else {
      return absl::InvalidArgumentError(fmt::format("'{}' is not one of sink, log", channel));
    }
  }
  return absl::OkStatus();
}

Property Notifications() {
  return {.name = "notification.enabled.channels",
          .type = "list",
          .default_text = "",
          .help = "Where it is told what becomes of copies: `sink`, a topic; `log`.",
          .read = [](std::string_view, const std::string& value, Configuration& into) {
            return ReadNotifications(value, into);
          }};
}

Property Collection() {
  Property property =
      Text("signal.data.collection", Field(&Signals::collection),
           "With `source`: the collection, `database.collection`, into which documents are "
           "inserted that are signals: `{type: \"execute-snapshot\", data: {\"data-collections\": "
           "[\"shop[.]orders\"]}}`. It need not be captured.");
  property.read = [read = std::move(property.read)](std::string_view name, const std::string& value,
                                                    Configuration& into) {
    const std::string_view collection = Trimmed(value);
    const size_t dot = collection.find('.');
    if (!collection.empty() &&
        (dot == std::string_view::npos || dot == 0 || dot + 1 == collection.size())) {
      return absl::InvalidArgumentError(
          fmt::format("'{}' is not of the form database.collection", collection));
    }
    return read(name, value, into);
  };
  return property;
}

}  // namespace

std::vector<PropertyGroup> SignalProperties() {
  return {
      {.title = "Signals",
       .introduction =
           "As in later Debezium connectors: `execute-snapshot` copies collections while their "
           "changes are captured, `stop-snapshot` ends such copies, `pause-snapshot` and "
           "`resume-snapshot` hold up every copy, `log` writes to the log. See "
           "[signals.md](signals.md).",
       .properties = {
           Channels(),
           Collection(),
           Text("signal.kafka.topic", Field(&Signals::topic),
                "With `kafka`: the topic of signals. Its records have `mongodb.name` as their "
                "key.")
               .WithDefault("`<mongodb.name>-signal`"),
           Text("signal.kafka.groupId", Field(&Signals::group),
                "The consumer group that keeps how far the topic was read: one of its own for "
                "each connector that shares the topic."),
           Text("signal.kafka.bootstrap.servers", Field(&Signals::bootstrap_servers),
                "The brokers of the topic of signals.")
               .WithDefault("`bootstrap.servers`"),
           Milliseconds("signal.kafka.poll.timeout.ms", kPositive, Field(&Signals::poll_timeout),
                        "How long one look at the topic waits for signals."),
           Family("signal.consumer.*", Field(&Signals::consumer),
                  "Properties of its consumer, over those without a prefix."),
           Text("signal.file", Field(&Signals::file),
                "With `file`: a file with a signal in JSON on each line. It is emptied when they "
                "are taken."),
           Milliseconds("signal.poll.interval.ms", kPositive, Field(&Signals::poll_interval),
                        "How often the file is looked at."),
           Notifications(),
           Text("notification.sink.topic.name", Field(&pipeline::Options::notification_topic),
                "With `sink`: the topic of notifications. Needed then."),
       }}};
}

}  // namespace shardtail::config
