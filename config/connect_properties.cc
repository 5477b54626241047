#include "config/property_table.h"

namespace shardtail::config {
namespace {

constexpr const char* kJsonConverter = "org.apache.kafka.connect.json.JsonConverter";

void AddConverter(const std::string& name, bool encoding::Options::*schema, PropertyGroup* group) {
  std::vector<Property>& properties = group->properties;
  properties.push_back(JavaClass(name, kJsonConverter, "How events are written: as JSON.",
                                 fmt::format("give {}, or leave it out", kJsonConverter)));
  properties.push_back(
      Boolean(name + ".schemas.enable", Field(schema), "Whether each record carries its schema."));
  properties.push_back(WithoutEffect(name + ".schemas.cache.size", AnyInteger(kNotNegative), "1000",
                                     "every schema is made once"));
  properties.push_back(WithoutEffect(name + ".decimal.format", AnyText(), "BASE64",
                                     "events have no field of that type"));
  properties.push_back(Refused(name + ".*", "string", "",
                               "is no property of the JSON converter that is there; remove it"));
}

PropertyGroup Converters() {
  PropertyGroup group{.title = "Converters",
                      .introduction =
                          "As in Kafka Connect, a converter named in the connector's file is "
                          "configured there alone, "
                          "and one named in the worker's file alone there.",
                      .properties = {}};
  AddConverter("key.converter", &encoding::Options::key_schema, &group);
  AddConverter("value.converter", &encoding::Options::value_schema, &group);
  for (const char* name : {"header.converter", "header.converter.*"}) {
    group.properties.push_back(WithoutEffect(name, AnyText(), "", "events have no headers"));
  }
  return group;
}

Property Transform(std::string name) {
  return Refused(
      std::move(name), "string", "",
      "single message transforms would change the records, and are not there; apply them "
      "in the consumer, and remove the property");
}

PropertyGroup Records() {
  PropertyGroup group{
      .title = "Transforms, errors, exactly-once", .introduction = "", .properties = {}};
  for (const char* name : {"transforms", "transforms.*", "predicates", "predicates.*"}) {
    group.properties.push_back(Transform(name));
  }
  group.properties.push_back(
      WithoutEffect("errors.*", AnyText(), "",
                    "it is about converters and transforms that fail; for entries that cannot be "
                    "turned into events there is event.processing.failure.handling.mode"));
  group.properties.push_back(
      Refused("exactly.once.support", "`requested`, `required`", "requested",
              "events are delivered at least once for now; set it to requested, or leave it out"));
  for (const char* name :
       {"exactly.once.source.support", "transaction.boundary", "transaction.boundary.*"}) {
    group.properties.push_back(WithoutEffect(
        name, AnyText(), "", "events are delivered at least once for now, without transactions"));
  }
  return group;
}

PropertyGroup Worker() {
  PropertyGroup group{
      .title = "Of the Kafka Connect worker",
      .introduction =
          "A worker's file can be given as it is (`run --worker`): these are accepted, and have no "
          "effect. Its heartbeat.interval.ms is the worker group's own, and not read.",
      .properties = {
          WithoutEffect("config.providers", AnyText(), "",
                        "references to env, file and dir need no declaration; other names for "
                        "Kafka's own providers are known by their class"),
          WithoutEffect("config.providers.*", AnyText(), "",
                        "references to env, file and dir need no declaration; other names for "
                        "Kafka's own providers are known by their class"),
      }};
  for (const char* name : {"access.control.*",
                           "auto.include.jmx.reporter",
                           "cluster",
                           "config.action.reload",
                           "config.storage.*",
                           "connect.protocol",
                           "connector.client.config.override.policy",
                           "group.id",
                           "inter.worker.*",
                           "internal.*",
                           "listeners",
                           "listeners.*",
                           "metric.reporters",
                           "metrics.*",
                           "plugin.discovery",
                           "plugin.path",
                           "rebalance.timeout.ms",
                           "response.http.headers.config",
                           "rest.*",
                           "scheduled.rebalance.max.delay.ms",
                           "security.providers",
                           "session.timeout.ms",
                           "status.storage.*",
                           "task.shutdown.graceful.timeout.ms",
                           "tasks.max.enforce",
                           "topic.tracking.*",
                           "worker.sync.timeout.ms",
                           "worker.unsync.backoff.ms"}) {
    group.properties.push_back(WithoutEffect(
        name, AnyText(), "", "it is about the Kafka Connect worker, and there is none"));
  }
  group.properties.push_back(
      WithoutEffect("quarkus.*", AnyText(), "",
                    "it is about Debezium Server's own machinery; see log.level and log.format"));
  return group;
}

}  // namespace

std::vector<PropertyGroup> ConnectProperties() { return {Converters(), Records(), Worker()}; }

}  // namespace shardtail::config
