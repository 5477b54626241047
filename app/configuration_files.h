#ifndef SHARDTAIL_APP_CONFIGURATION_FILES_H_
#define SHARDTAIL_APP_CONFIGURATION_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/configuration.h"

namespace shardtail::app {

// The files named on the command line.
struct ConfigurationFiles {
  std::string worker;  // empty: none
  std::string connector;
};

// Reads and checks them, sets the log up, and logs what there is to note. Mistakes in Kafka's
// properties are found here too. kInvalidArgument lists all mistakes.
absl::StatusOr<config::Configuration> LoadConfiguration(const ConfigurationFiles& files);

// Reads the files of a running process again; see config::Reload(). Changes nothing.
absl::StatusOr<config::Reloaded> ReloadConfiguration(const ConfigurationFiles& files,
                                                     const config::Configuration& running);

// Writes `status`'s message to standard error as `shardtail: …` and returns the exit status 1.
int ReportFailure(const absl::Status& status);

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_CONFIGURATION_FILES_H_
