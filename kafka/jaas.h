#ifndef SHARDTAIL_KAFKA_JAAS_H_
#define SHARDTAIL_KAFKA_JAAS_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace shardtail::kafka {

// One login module of a `sasl.jaas.config`: `module flag name="value" …;`.
struct JaasEntry {
  std::string module;                          // the class, with its package
  std::map<std::string, std::string> options;  // may hold a password
};

// Reads it as Kafka's JaasConfig does: values quoted or not, with Java's escapes in quotes.
// kInvalidArgument names the place (the character, from 1), never the text.
absl::StatusOr<JaasEntry> ParseJaas(std::string_view text);

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_JAAS_H_
