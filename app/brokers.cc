#include "app/brokers.h"

#include "base/status_macros.h"
#include "kafka/admin.h"

namespace shardtail::app {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(10);

}  // namespace

absl::Status CheckBrokers(const sink::Options& options, const std::stop_token& stop) {
  if (options.type != sink::Type::kKafka) return absl::OkStatus();
  SHARDTAIL_ASSIGN_OR_RETURN(const auto admin, kafka::Admin::Create(options.kafka));
  return admin->Brokers(kTimeout, stop).status();
}

}  // namespace shardtail::app
