#ifndef SHARDTAIL_OFFSETS_CREATE_OFFSET_STORE_H_
#define SHARDTAIL_OFFSETS_CREATE_OFFSET_STORE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "kafka/options.h"
#include "offsets/offset_store.h"
#include "offsets/options.h"

namespace shardtail::offsets {

// What the store is opened for.
enum class Access {
  kRead,       // LoadAll() only; nothing is made, and one that writes may run beside
  kReadWrite,  // makes the topic where it is missing; locks the file against a second process
};

// The store that the options name: a topic or a file.
//   kInvalidArgument     the options of Kafka, all mistakes
//   kUnavailable         no broker at bootstrap.servers answered
//   kFailedPrecondition  another process has the file; the topic cannot be made so
absl::StatusOr<std::unique_ptr<OffsetStore>> CreateOffsetStore(const Options& options,
                                                               const kafka::Options& kafka,
                                                               Access access = Access::kReadWrite);

}  // namespace shardtail::offsets

#endif  // SHARDTAIL_OFFSETS_CREATE_OFFSET_STORE_H_
