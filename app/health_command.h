#ifndef SHARDTAIL_APP_HEALTH_COMMAND_H_
#define SHARDTAIL_APP_HEALTH_COMMAND_H_

#include <string>

namespace shardtail::app {

// Prints what a running process answers at a URL of its health, such as
// http://127.0.0.1:8083/health/live, for a container that has no other HTTP client. Returns the
// exit status: 0 when it is UP.
int Health(const std::string& url);

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_HEALTH_COMMAND_H_
