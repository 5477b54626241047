#ifndef SHARDTAIL_ENCODING_OPTIONS_H_
#define SHARDTAIL_ENCODING_OPTIONS_H_

#include <string>

namespace shardtail::encoding {

// The form of the envelope's `source` block: Debezium's own since 0.10 (kV2), or the one before.
enum class SourceVersion { kV1, kV2 };

struct Options {
  std::string logical_name;                                      // mongodb.name
  std::string connector_version;                                 // written as source.version
  std::string heartbeat_topics_prefix = "__debezium-heartbeat";  // heartbeat.topics.prefix
  bool key_schema = true;                                        // key.converter.schemas.enable
  bool value_schema = true;                                      // value.converter.schemas.enable
  SourceVersion source_version = SourceVersion::kV2;             // source.struct.version
};

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_OPTIONS_H_
