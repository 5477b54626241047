#ifndef SHARDTAIL_HTTP_CLIENT_H_
#define SHARDTAIL_HTTP_CLIENT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace shardtail::http {

struct Answer {
  int status = 0;  // HTTP's
  std::string body;
};

// Reads `http://host[:port][/path]`, on the caller's thread, within `timeout` from the connection
// to the last byte; the host's name is looked up before that. kInvalidArgument: the URL is none of
// this form; kUnavailable: nobody answers there, or not with HTTP; kDeadlineExceeded.
absl::StatusOr<Answer> Get(std::string_view url, absl::Duration timeout);

}  // namespace shardtail::http

#endif  // SHARDTAIL_HTTP_CLIENT_H_
