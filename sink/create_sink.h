#ifndef SHARDTAIL_SINK_CREATE_SINK_H_
#define SHARDTAIL_SINK_CREATE_SINK_H_

#include <memory>

#include "absl/status/statusor.h"
#include "sink/options.h"
#include "sink/shared_sink.h"

namespace shardtail::sink {

// The sink that the options name. `listener` must outlive it.
//   kInvalidArgument     the options of Kafka, all mistakes
//   kFailedPrecondition, kPermissionDenied, kUnavailable
//                        the file cannot be written to, is in use, or holds something else
absl::StatusOr<std::unique_ptr<SharedSink>> CreateSink(const Options& options,
                                                       DeliveryListener& listener);

}  // namespace shardtail::sink

#endif  // SHARDTAIL_SINK_CREATE_SINK_H_
