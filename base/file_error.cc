#include "base/file_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace shardtail::base {

absl::Status FileError(int error, const std::string& what) {
  absl::StatusCode code = absl::StatusCode::kFailedPrecondition;
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EIO:
      code = absl::StatusCode::kUnavailable;  // there may be room, or a disk, again
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = absl::StatusCode::kPermissionDenied;
      break;
    default:
      break;
  }
  return absl::Status(code, fmt::format("{}: {}", what, std::system_category().message(error)));
}

}  // namespace shardtail::base
