#ifndef SHARDTAIL_PIPELINE_SERVER_PROBE_H_
#define SHARDTAIL_PIPELINE_SERVER_PROBE_H_

#include <memory>

#include "absl/functional/function_ref.h"
#include "base/clock.h"
#include "mongo/client.h"
#include "mongo/options.h"
#include "pipeline/shard_order.h"
#include "shard_discovery/replica_set_finder.h"

namespace shardtail::pipeline {

// Asks a shard's primary, over a connection of its own that is made with the first question.
class ServerProbe : public ShardProbe {
 public:
  // `clock` must outlive it.
  ServerProbe(mongo::ConnectionOptions connection, mongo::SeedSet seeds, base::Clock& clock);

  absl::Status Advance(const mongo::ClusterTime& after, const std::stop_token& stop) override;
  // Reads config.transactions, where the server keeps the last transaction of each session.
  absl::StatusOr<TransactionPart> FindPart(const event::SessionTransaction& transaction,
                                           const mongo::ClusterTime& after,
                                           const std::stop_token& stop) override;

 private:
  using Question = absl::FunctionRef<absl::StatusOr<mongo::Reply>(mongo::Client& client)>;
  absl::StatusOr<mongo::Reply> Ask(Question question, const std::stop_token& stop);

  shard_discovery::ReplicaSetFinder finder_;
  std::unique_ptr<mongo::Client> client_;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_SERVER_PROBE_H_
