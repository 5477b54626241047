#include "config/text_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace shardtail::config {

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  // A directory can be opened; reading from it fails.
  if (in && in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (!in.is_open() || in.bad()) {
    return absl::NotFoundError(fmt::format("the file '{}' cannot be read: {}", path,
                                           std::generic_category().message(errno)));
  }
  return std::move(text).str();
}

}  // namespace shardtail::config
