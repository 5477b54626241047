#ifndef SHARDTAIL_APP_EXPLAIN_H_
#define SHARDTAIL_APP_EXPLAIN_H_

#include "absl/status/status.h"
#include "config/configuration.h"

namespace shardtail::app {

// The same status, with what the configuration tells about its cause and the remedy.
absl::Status Explain(const absl::Status& status, const config::Configuration& config);

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_EXPLAIN_H_
