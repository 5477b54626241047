#include "sink/create_sink.h"

#include "sink/kafka_sink.h"
#include "sink/stream_sink.h"

namespace shardtail::sink {

absl::StatusOr<std::unique_ptr<SharedSink>> CreateSink(const Options& options,
                                                       DeliveryListener& listener) {
  switch (options.type) {
    case Type::kKafka:
      return KafkaSink::Create(options.kafka, listener);
    case Type::kStdout:
      return StreamSink::ToStandardOutput(listener);
    case Type::kFile:
      return StreamSink::ToFile(options.file_path, listener);
  }
  return absl::InternalError("an unknown type of sink");
}

}  // namespace shardtail::sink
