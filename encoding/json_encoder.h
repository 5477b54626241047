#ifndef SHARDTAIL_ENCODING_JSON_ENCODER_H_
#define SHARDTAIL_ENCODING_JSON_ENCODER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "encoding/options.h"
#include "encoding/output.h"
#include "event/change_event.h"

namespace shardtail::encoding {

// What is the same in every record of one collection: its topic, and the constant parts of key and
// value. Made once for each collection and replica set, immutable, and then shared by its events.
struct CollectionTemplate {
  std::string topic;         // logicalName.db.collection, adjusted to Kafka's characters
  std::string key_head;      // up to the id string's first character
  std::string key_tail;      // from that string's closing quote
  std::string value_head;    // behind the schema's begin, up to the value of `after`
  std::string source_head;   // from behind the value of `filter` to that of ts_ms (v1: sec)
  std::string source_names;  // v2: `,"db":"…","rs":"…","collection":"…"`; v1: empty
  std::string value_tail;    // after the payload
};

// Writes change events exactly as Kafka Connect's JsonConverter writes the records of the Debezium
// 1.3.1 MongoDB connector, but for the deviations in docs/debezium-compatibility.md. Immutable: any
// thread may call it.
class JsonEncoder {
 public:
  explicit JsonEncoder(Options options);

  CollectionTemplate MakeTemplate(const event::Namespace& ns, std::string_view replica_set) const;

  // Replaces `key` and `value` by the event's; a tombstone has the same key and no value. The
  // strings keep their capacity, and encoding is fastest when they are used again. `now_millis`
  // becomes the envelope's ts_ms.
  //
  // kDataLoss when the event has no _id, or a document in it is broken or nested too deeply; then
  // key and value are garbage.
  absl::Status Encode(const event::ChangeEvent& event, const CollectionTemplate& collection,
                      int64_t now_millis, std::string* key, std::string* value) const;

 private:
  void AppendSource(const event::ChangeEvent& event, const CollectionTemplate& collection,
                    Output* out) const;

  const Options options_;
  // The begin of every value that has a schema. Not a template's: those of many collections would
  // not fit into the processor's cache.
  std::string schema_begin_;
};

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_JSON_ENCODER_H_
