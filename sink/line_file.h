#ifndef SHARDTAIL_SINK_LINE_FILE_H_
#define SHARDTAIL_SINK_LINE_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace shardtail::sink {

// How every line of ours begins.
inline constexpr std::string_view kLineBegin = R"({"topic":)";

// Opens a file of our lines for appending and locks it, and returns its descriptor, which the
// caller closes. A last line without its end is cut off when it begins as ours do; of what is not
// ours nothing is changed. What is no regular file (a pipe, a terminal) is opened as it is.
//   kFailedPrecondition  it is locked by another, or ends with something else than a line
absl::StatusOr<int> OpenLineFile(const std::string& path);

}  // namespace shardtail::sink

#endif  // SHARDTAIL_SINK_LINE_FILE_H_
