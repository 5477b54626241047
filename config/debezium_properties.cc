#include <algorithm>

#include "config/property_table.h"

namespace shardtail::config {
namespace {

using Filter = filter::Options;
using Pipeline = pipeline::Options;

// Whether `path` is `db.collection.field`, with at least three parts and none of them empty.
bool IsFieldPath(std::string_view path) {
  if (path.empty() || path.front() == '.' || path.back() == '.') return false;
  if (path.find("..") != std::string_view::npos) return false;
  return std::count(path.begin(), path.end(), '.') >= 2;
}

bool IsRename(std::string_view rule) {
  const size_t colon = rule.find(':');
  return colon != std::string_view::npos && colon == rule.rfind(':') &&
         IsFieldPath(Trimmed(rule.substr(0, colon))) && !Trimmed(rule.substr(colon + 1)).empty();
}

// Rules for fields, each of the form that `is_rule` accepts and `form` shows.
Property FieldRules(std::string name, const FieldOf<std::vector<std::string>>& field,
                    bool (*is_rule)(std::string_view), const std::string& form, std::string help) {
  Property property{.name = std::move(name), .type = "list", .help = std::move(help)};
  property.read = [=](std::string_view, const std::string& value, Configuration& into) {
    std::string mistakes;
    field(into) = SplitList(value);
    for (const std::string& rule : field(into)) {
      if (is_rule(rule)) continue;
      mistakes +=
          fmt::format("{}Invalid format: '{}' is not {}", mistakes.empty() ? "" : "\n", rule, form);
    }
    return mistakes.empty() ? absl::OkStatus() : absl::InvalidArgumentError(mistakes);
  };
  return property;
}

absl::Status ReadSkippedOperations(const std::string& value, Configuration& into) {
  const std::vector<std::string> operations = SplitList(Lowered(value));
  for (const std::string& operation : operations) {
    if (operation == "c" || operation == "i") {
      into.filter.skip_creates = true;
    } else if (operation == "u") {
      into.filter.skip_updates = true;
    } else if (operation == "d") {
      into.filter.skip_deletes = true;
    } else if (operation != "t" && (operation != "none" || operations.size() > 1)) {
      return absl::InvalidArgumentError(
          fmt::format("'{}' is not one of c (or i), u, d, t, nor none alone", operation));
    }
  }
  if (operations.size() > 1) {
    into.notes.emplace_back(
        "skipped.operations: each of the operations is skipped; Debezium 1.3 skips none when there "
        "is more than one");
  }
  return absl::OkStatus();
}

Property SkippedOperations() {
  Property property{
      .name = "skipped.operations",
      .type = "list of `c` (or `i`), `u`, `d`; or `none`",
      .help =
          "Operations that give no events while streaming: creates, updates, deletes. (In "
          "Debezium 1.3 `c` skips transactions instead, and more than one value skips nothing.) "
          "`t` is accepted: MongoDB has no truncation."};
  property.read = [](std::string_view, const std::string& value, Configuration& into) {
    return ReadSkippedOperations(value, into);
  };
  return property;
}

PropertyGroup Captured() {
  return {
      .title = "What is captured",
      .introduction =
          "A regular expression is one of Java's kind, matches the whole name and ignores case; "
          "commas separate several, and `\\,` is a comma inside one. An include and an exclude "
          "list of the same kind exclude each other. The databases `local` and `admin` are never "
          "captured.",
      .properties = {
          Patterns("database.include.list", Field(&Filter::database_include),
                   "Databases to capture; all where it is not given.")
              .AlsoNamed({"database.whitelist"}),
          Patterns("database.exclude.list", Field(&Filter::database_exclude),
                   "Databases not to capture.")
              .AlsoNamed({"database.blacklist"}),
          Patterns("collection.include.list", Field(&Filter::collection_include),
                   "Collections to capture, as `database.collection`.")
              .AlsoNamed({"collection.whitelist"}),
          Patterns("collection.exclude.list", Field(&Filter::collection_exclude),
                   "Collections not to capture, as `database.collection`.")
              .AlsoNamed({"collection.blacklist"}),
          FieldRules("field.exclude.list", Field(&Filter::field_exclude), IsFieldPath,
                     "database.collection.field[.nested…]",
                     "Fields to leave out of events: `database.collection.field[.nested…]`; `*` in "
                     "the database or collection stands for any characters.")
              .AlsoNamed({"field.blacklist"}),
          FieldRules("field.renames", Field(&Filter::field_renames), IsRename,
                     "database.collection.field[.nested…]:new_name",
                     "Fields to rename: `database.collection.field[.nested…]:new_name`, each "
                     "applied to the result of the one before."),
          SkippedOperations(),
      }};
}

constexpr Range kRate{0};

// What stands for a mode that is not there.
std::string_view RemedyForMode(std::string_view mode) {
  if (mode == "recovery" || mode == "schema_only" || mode == "schema_only_recovery") {
    return "is for connectors that keep a history of schemas, which MongoDB's needs not; give "
           "no_data to copy nothing, or initial";
  }
  if (mode == "configuration_based") {
    return "is not there; give the mode that the properties snapshot.mode.configuration.based.… "
           "come to: initial, always, initial_only, when_needed or no_data";
  }
  if (mode == "custom") {
    return "takes a Java class, which cannot run here; give initial, always, initial_only, "
           "when_needed or no_data";
  }
  return {};
}

Property SnapshotMode() {
  using Mode = pipeline::SnapshotMode;
  Property property = Choice<Mode>(
      "snapshot.mode",
      {{"initial", Mode::kInitial},
       {"never", Mode::kNever},
       {"no_data", Mode::kNever},
       {"always", Mode::kAlways},
       {"initial_only", Mode::kInitialOnly},
       {"when_needed", Mode::kWhenNeeded}},
      Field(&Pipeline::snapshot_mode),
      "When collections are copied. `initial`: when there is no stored offset, or the oplog no "
      "longer holds it. `when_needed`: the same, by the later connectors' name. `never`, or by "
      "their name `no_data`: not at all. `always`: at every start. `initial_only`: as `initial`, "
      "and then the process ends.");
  property.read = [choose = std::move(property.read)](
                      std::string_view name, const std::string& value, Configuration& into) {
    const std::string mode = Lowered(Trimmed(value));
    const std::string_view remedy = RemedyForMode(mode);
    if (remedy.empty()) return choose(name, value, into);
    return absl::InvalidArgumentError(fmt::format("{} {}", mode, remedy));
  };
  return property;
}

// Read all at once by ReadSnapshotQueries().
Property OfSnapshotQueries(std::string name, std::string type, std::string help) {
  Property property{.name = std::move(name), .type = std::move(type), .help = std::move(help)};
  property.read = [](std::string_view, const std::string&, Configuration&) {
    return absl::OkStatus();
  };
  return property;
}

PropertyGroup Snapshot() {
  using pipeline::SnapshotStreaming;
  return {
      .title = "Snapshot",
      .introduction = "",
      .properties = {
          SnapshotMode(),
          Choice<SnapshotStreaming>(
              "snapshot.streaming",
              {{"concurrent", SnapshotStreaming::kConcurrent},
               {"after", SnapshotStreaming::kAfter}},
              Field(&Pipeline::snapshot_streaming),
              "shardtail's own. `concurrent`: changes are captured while the collections are "
              "copied, so a copy may take longer than the oplog reaches back; it goes on where it "
              "was interrupted. `after`: first all documents, then the changes, as in Debezium "
              "1.3."),
          Integer("initial.sync.max.threads", kPositive, Field(&Pipeline::snapshot_threads),
                  "Threads, and connections, that copy at once for each replica set. They share "
                  "one large collection as well.")
              .AlsoNamed({"snapshot.max.threads"}),
          Milliseconds("snapshot.delay.ms", kNotNegative, Field(&Pipeline::snapshot_delay),
                       "The wait before the snapshot begins."),
          Integer("snapshot.fetch.size", kNotNegative, Field(&Pipeline::snapshot_fetch_size),
                  "Documents in one reply of the server at the most; 0: as many as make 2 MB, "
                  "8,000 at the most."),
          Integer("snapshot.max.documents.per.second", kRate,
                  Field(&Pipeline::snapshot_documents_per_second),
                  "shardtail's own: the most documents that are copied in a second from each "
                  "replica set; 0: no limit."),
          Integer("snapshot.max.bytes.per.second", kRate,
                  Field(&Pipeline::snapshot_bytes_per_second),
                  "shardtail's own: the most bytes of documents (BSON) that are copied in a second "
                  "from each replica set; 0: no limit."),
          Patterns("snapshot.include.collection.list", Field(&Pipeline::snapshot_include),
                   "Of the collections that are captured, those to copy, as "
                   "`database.collection`; all where it is not given. The changes of the others "
                   "are captured without their documents being copied first."),
          OfSnapshotQueries(
              "snapshot.collection.filter.overrides", "list",
              "Collections of which only some documents are copied, as `database.collection`, "
              "each with its query in the property below. Changes are captured of all documents."),
          OfSnapshotQueries("snapshot.collection.filter.overrides.*", "query in extended JSON",
                            "The documents to copy of the collection that the star stands for: "
                            "`snapshot.collection.filter.overrides.shop.orders={\"open\": true}`."),
      }};
}

PropertyGroup Events() {
  using encoding::SourceVersion;
  using pipeline::FailureMode;
  return {
      .title = "Events",
      .introduction = "",
      .properties = {
          Boolean("tombstones.on.delete", Field(&Pipeline::tombstones_on_delete),
                  "Whether a tombstone (the key with no value) follows each delete event, so that "
                  "Kafka's compaction removes the document's records."),
          Choice<SourceVersion>("source.struct.version",
                                {{"v1", SourceVersion::kV1}, {"v2", SourceVersion::kV2}},
                                Field(&encoding::Options::source_version),
                                "The form of the block `source` in each event."),
          Choice<FailureMode>("event.processing.failure.handling.mode",
                              {{"fail", FailureMode::kFail},
                               {"warn", FailureMode::kWarn},
                               {"skip", FailureMode::kSkip},
                               {"ignore", FailureMode::kSkip}},
                              Field(&Pipeline::failure_mode),
                              "At an entry that cannot be turned into an event, or an event that "
                              "is too large for Kafka: "
                              "capturing ends; or it is left out, with a line in the log (`warn`) "
                              "or without. `ignore` is `skip`."),
          Boolean("provide.transaction.metadata", Field(&Pipeline::transaction_metadata),
                  "Whether the begin and the end of each transaction are written to the topic "
                  "`<mongodb.name>.transaction`, and events say their place in it."),
          Milliseconds("heartbeat.interval.ms", kNotNegative, Field(&Pipeline::heartbeat_interval),
                       "How often a record is written to the heartbeat topic, also when nothing "
                       "happens; 0: never. (The stored offset follows the oplog without them.)"),
          Text("heartbeat.topics.prefix", Field(&encoding::Options::heartbeat_topics_prefix),
               "The heartbeat topic is `<this>.<mongodb.name>`."),
          WithoutEffect("sanitize.field.names", AnyBoolean(), "false",
                        "documents are written as JSON strings, in which Debezium 1.3 changes no "
                        "name either"),
          WithoutEffect("binary.handling.mode", AnyText(), "bytes",
                        "Debezium's MongoDB connector does not use it either"),
          WithoutEffect("query.fetch.size", AnyInteger(kNotNegative), "0",
                        "Debezium's MongoDB connector does not use it either"),
          WithoutEffect("converters", AnyText(), "",
                        "Debezium's MongoDB connector does not use it either"),
          WithoutEffect("max.queue.size", AnyInteger(kPositive), "8192",
                        "events wait in the Kafka producer's own queue, which "
                        "producer.buffer.memory bounds"),
          WithoutEffect("max.batch.size", AnyInteger(kPositive), "2048",
                        "events wait in the Kafka producer's own queue, which "
                        "producer.buffer.memory bounds"),
          WithoutEffect("poll.interval.ms", AnyMilliseconds(kPositive), "500",
                        "events are sent as soon as they are read"),
      }};
}

}  // namespace

std::vector<PropertyGroup> DebeziumProperties() { return {Captured(), Snapshot(), Events()}; }

}  // namespace shardtail::config
