#ifndef SHARDTAIL_ENCODING_TOPIC_NAME_H_
#define SHARDTAIL_ENCODING_TOPIC_NAME_H_

#include <string>
#include <string_view>

namespace shardtail::encoding {

// `name` with `_` for each UTF-16 unit that a topic's name cannot hold: all but ASCII letters,
// digits, `.`, `_` and `-`. (An emoji is two of them, as Java counts.) Two collections can so get
// one topic.
std::string ToTopicName(std::string_view name);

// The same for the name of a Connect schema, which follows Avro's rule for full names: no `-`
// either, and a letter or `_` first.
std::string ToSchemaName(std::string_view name);

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_TOPIC_NAME_H_
