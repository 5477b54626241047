#ifndef SHARDTAIL_APP_OFFSETS_COMMAND_H_
#define SHARDTAIL_APP_OFFSETS_COMMAND_H_

#include <cstdint>
#include <string>

#include "app/configuration_files.h"

namespace shardtail::app {

struct OffsetChange {
  std::string replica_set;
  uint32_t seconds = 0;
  uint32_t increment = 0;
  int64_t index = 0;
};

// Each returns the exit status.
int ShowOffsets(const ConfigurationFiles& files);
int SetOffset(const ConfigurationFiles& files, const OffsetChange& change);
int DeleteOffset(const ConfigurationFiles& files, const OffsetChange& change);

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_OFFSETS_COMMAND_H_
