#ifndef SHARDTAIL_KAFKA_PROPERTIES_TABLE_H_
#define SHARDTAIL_KAFKA_PROPERTIES_TABLE_H_

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace shardtail::kafka {

// A value in librdkafka's unit and range; `note` tells the user when that changed its meaning.
struct Converted {
  std::string value;
  std::string note;
};

// What becomes of a property that Java's client knows, or that is librdkafka's own and must not be
// set freely. Names that no rule has are librdkafka's, and handed over as they are.
struct PropertyRule {
  enum class Fate {
    kHandedOver,  // to librdkafka under the name `text`, through `convert` where there is one
    kNoEffect,    // accepted, when `convert` accepts it; `text` says why nothing comes of it
    kRefused,     // `text` says what to do; the values "" and "null" are the default, and pass
    kSecurity,    // see security_properties.h
  };
  std::string_view name;
  Fate fate;
  std::string_view text;
  // kInvalidArgument says what is wrong with the value and what to do.
  absl::StatusOr<Converted> (*convert)(const std::string& value) = nullptr;
};

// All rules, in the order of Java's ProducerConfig (Kafka 3.9), then librdkafka's own names.
std::span<const PropertyRule> PropertyRules();

// nullptr when no rule has the name.
const PropertyRule* FindPropertyRule(std::string_view name);

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_PROPERTIES_TABLE_H_
