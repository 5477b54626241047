#ifndef SHARDTAIL_CONFIG_CONNECT_JSON_H_
#define SHARDTAIL_CONFIG_CONNECT_JSON_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "config/configuration.h"

namespace shardtail::config {

// Reads the JSON that one sends to Kafka Connect: `{"name": …, "config": {…}}` (what Connect
// answers, with `tasks` and `type`, is read too), or the object of properties alone. Values are
// strings, numbers and booleans. kInvalidArgument names line and column, or lists the properties
// whose value is none of these, one a line.
absl::StatusOr<RawProperties> ParseConnectJson(std::string_view text);

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_CONNECT_JSON_H_
