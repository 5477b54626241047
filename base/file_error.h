#ifndef SHARDTAIL_BASE_FILE_ERROR_H_
#define SHARDTAIL_BASE_FILE_ERROR_H_

#include <string>

#include "absl/status/status.h"

namespace shardtail::base {

// `error` is an errno, `what` names what failed on which file. kUnavailable for what may pass (the
// disk is full), kPermissionDenied, or kFailedPrecondition.
absl::Status FileError(int error, const std::string& what);

}  // namespace shardtail::base

#endif  // SHARDTAIL_BASE_FILE_ERROR_H_
