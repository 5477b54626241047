#include "app/configuration_files.h"

#include <cstdio>
#include <optional>

#include "base/log.h"
#include "base/status_macros.h"
#include "kafka/property_map.h"
#include "mongo/bson.h"
#include "mongo/connection_string.h"

namespace shardtail::app {

absl::StatusOr<config::Configuration> LoadConfiguration(const ConfigurationFiles& files) {
  std::optional<config::RawProperties> worker;
  if (!files.worker.empty()) {
    SHARDTAIL_ASSIGN_OR_RETURN(worker, config::ReadFile(files.worker));
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const config::RawProperties connector,
                             config::ReadFile(files.connector));
  SHARDTAIL_ASSIGN_OR_RETURN(config::Configuration loaded,
                             config::Load(worker, connector, kafka::CheckOptions,
                                          mongo::ReadConnectionString, bson::FromJson));
  base::ConfigureLog(loaded.log);
  for (const std::string& note : loaded.notes) base::LogInfo("{}", note);
  return loaded;
}

int ReportFailure(const absl::Status& status) {
  const std::string text(status.message());
  std::fprintf(stderr, "shardtail: %s\n", text.c_str());
  return 1;
}

}  // namespace shardtail::app
