#ifndef SHARDTAIL_ENCODING_SCHEMA_JSON_H_
#define SHARDTAIL_ENCODING_SCHEMA_JSON_H_

#include <string>
#include <string_view>

#include "encoding/options.h"

namespace shardtail::encoding {

// The schemas that Kafka Connect's JsonConverter puts beside each payload when
// `schemas.enable=true`: the same bytes in every record of a topic. `topic` is the topic's name.

std::string KeySchemaJson(std::string_view topic);

// A value's schema is its begin, which is the same for every topic and nearly all of it, and its
// end, which names it.
std::string ValueSchemaBegin(SourceVersion source_version);
std::string ValueSchemaEnd(std::string_view topic);

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_SCHEMA_JSON_H_
