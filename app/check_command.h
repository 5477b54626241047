#ifndef SHARDTAIL_APP_CHECK_COMMAND_H_
#define SHARDTAIL_APP_CHECK_COMMAND_H_

#include "app/configuration_files.h"

namespace shardtail::app {

// Prints what a run would find: the server and its role, missing privileges, the captured
// collections with their topics, the oplog's window, the brokers. Returns the exit status: 0 when a
// run would work.
int Check(const ConfigurationFiles& files);

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_CHECK_COMMAND_H_
