#include "base/file_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace shardtail::base {

absl::Status FileError(int error, const std::string& what) {
  absl::StatusCode code = absl::StatusCode::kFailedPrecondition;
  std::string_view remedy;
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      remedy = ": make room there, and it goes on";
      [[fallthrough]];
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
  return absl::Status(code,
                      fmt::format("{}: {}{}", what, std::system_category().message(error), remedy));
}

}  // namespace shardtail::base
