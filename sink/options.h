#ifndef SHARDTAIL_SINK_OPTIONS_H_
#define SHARDTAIL_SINK_OPTIONS_H_

#include <string>

#include "kafka/options.h"

namespace shardtail::sink {

enum class Type { kKafka, kStdout, kFile };

struct Options {
  Type type = Type::kStdout;  // sink.type; kafka where bootstrap.servers is given
  std::string file_path;      // sink.file.path
  kafka::Options kafka;       // bootstrap.servers, producer.*, producer.override.*
};

}  // namespace shardtail::sink

#endif  // SHARDTAIL_SINK_OPTIONS_H_
