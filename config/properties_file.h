#ifndef SHARDTAIL_CONFIG_PROPERTIES_FILE_H_
#define SHARDTAIL_CONFIG_PROPERTIES_FILE_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "config/configuration.h"

namespace shardtail::config {

// Reads the text of a .properties file as java.util.Properties does: `=`, `:` or white space after
// the name, `#` and `!` comments, lines continued by a backslash, `\uXXXX` and the other escapes;
// of a name given twice the last value. Other than there, the text is UTF-8. kInvalidArgument names
// the line (from 1).
absl::StatusOr<RawProperties> ParseProperties(std::string_view text);

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_PROPERTIES_FILE_H_
