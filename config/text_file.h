#ifndef SHARDTAIL_CONFIG_TEXT_FILE_H_
#define SHARDTAIL_CONFIG_TEXT_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace shardtail::config {

// The whole of a file. kNotFound when it is not there, cannot be read, or is a directory; the
// message names it.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_TEXT_FILE_H_
