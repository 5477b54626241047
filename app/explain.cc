#include "app/explain.h"

#include <fmt/format.h>

#include <string>

namespace shardtail::app {

absl::Status Explain(const absl::Status& status, const config::Configuration& config) {
  const std::string text(status.message());
  if (status.code() == absl::StatusCode::kPermissionDenied && config.mongo.user.empty()) {
    return absl::UnauthenticatedError(
        text + ": the server demands a user; give mongodb.user and mongodb.password");
  }
  if (status.code() == absl::StatusCode::kPermissionDenied) {
    return absl::PermissionDeniedError(
        fmt::format("{}: `shardtail check` names the privileges that user '{}' lacks", text,
                    config.mongo.user));
  }
  return status;
}

}  // namespace shardtail::app
