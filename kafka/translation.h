#ifndef SHARDTAIL_KAFKA_TRANSLATION_H_
#define SHARDTAIL_KAFKA_TRANSLATION_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shardtail::kafka {

// A value with the name under which the user wrote it, for messages ("producer.acks").
struct NamedValue {
  std::string written_name;
  std::string value;
};
// By the client's own name ("acks").
using ClientProperties = std::map<std::string, NamedValue>;

// What was made of a client's properties. Values may be secrets.
struct Translation {
  std::map<std::string, std::string> values;  // in librdkafka's names
  std::vector<std::string> notes;             // for the user, one line each, without secrets
  std::vector<std::string> errors;            // the same

  void Note(const NamedValue& property, std::string_view text);
  void Error(const NamedValue& property, std::string_view text);
};

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_TRANSLATION_H_
