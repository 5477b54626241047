#include "app/health_command.h"

#include <cstdio>

#include "app/configuration_files.h"
#include "http/client.h"

namespace shardtail::app {
namespace {

// A server of ours answers at once, as it asks nobody.
constexpr absl::Duration kTimeout = absl::Seconds(5);
constexpr int kOk = 200;

}  // namespace

int Health(const std::string& url) {
  const auto answer = http::Get(url, kTimeout);
  if (!answer.ok()) return ReportFailure(answer.status());
  std::fputs(answer->body.c_str(), stdout);
  return answer->status == kOk ? 0 : 1;
}

}  // namespace shardtail::app
