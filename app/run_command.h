#ifndef SHARDTAIL_APP_RUN_COMMAND_H_
#define SHARDTAIL_APP_RUN_COMMAND_H_

#include "app/configuration_files.h"

namespace shardtail::app {

// Captures until SIGTERM, SIGINT, or a failure for good. Returns the exit status: 0 after a stop
// with everything delivered and stored.
int Run(const ConfigurationFiles& files);

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_RUN_COMMAND_H_
