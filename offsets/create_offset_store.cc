#include "offsets/create_offset_store.h"

#include "offsets/file_offset_store.h"
#include "offsets/kafka_offset_store.h"

namespace shardtail::offsets {

absl::StatusOr<std::unique_ptr<OffsetStore>> CreateOffsetStore(const Options& options,
                                                               const kafka::Options& kafka,
                                                               Access access) {
  if (options.topic.empty()) return FileOffsetStore::Create(options, access);
  return KafkaOffsetStore::Create(options, kafka, access);
}

}  // namespace shardtail::offsets
