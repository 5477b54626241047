#ifndef SHARDTAIL_PIPELINE_SERVER_SNAPSHOT_SOURCE_H_
#define SHARDTAIL_PIPELINE_SERVER_SNAPSHOT_SOURCE_H_

#include <memory>
#include <optional>
#include <vector>

#include "mongo/client.h"
#include "pipeline/options.h"
#include "pipeline/snapshot_source.h"
#include "snapshot/chunk_reader.h"

namespace shardtail::pipeline {

// Reads a server. Errors are the client's.
class ServerSnapshotSource : public SnapshotSource {
 public:
  // `options` must outlive it.
  ServerSnapshotSource(std::unique_ptr<mongo::Client> client, const Options& options,
                       int max_wire_version);

  absl::StatusOr<tailer::OplogPoint> Latest() override;
  absl::StatusOr<std::vector<Collection>> List(
      absl::FunctionRef<absl::StatusOr<bool>(const event::Namespace&)> captures) override;
  absl::StatusOr<bool> Describe(Collection* collection) override;
  absl::StatusOr<std::optional<int64_t>> Estimate(const Collection& collection) override;
  absl::StatusOr<std::vector<snapshot::IdBound>> PlanBounds(const Collection& collection) override;
  absl::StatusOr<std::optional<Documents>> Read(const snapshot::Chunk& chunk,
                                                const Collection& collection,
                                                const OnPart& on_part) override;

 private:
  // Of the documents to copy; empty: all.
  bson::Document QueryOf(const Collection& collection) const;

  const std::unique_ptr<mongo::Client> client_;
  const Options& options_;
  const int max_wire_version_;
  snapshot::ChunkReader reader_;  // goes before the client
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_SERVER_SNAPSHOT_SOURCE_H_
