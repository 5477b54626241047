#ifndef SHARDTAIL_ENCODING_KEY_JSON_H_
#define SHARDTAIL_ENCODING_KEY_JSON_H_

#include "absl/status/status.h"
#include "encoding/output.h"
#include "mongo/bson.h"

namespace shardtail::encoding {

// Appends the JSON of an _id as Debezium 1.3.1 writes a key's `id`: the strict form of the legacy
// Java driver, `{ "a" : 1 , "b" : [ 1 , 2]}`, int64 and double bare, NaN and Infinity too. Escaped
// for the string of the outer JSON that it stands in, whose quotes are the caller's.
//
// What 1.3.1 drops (control characters, the scope of code) or dies of (timestamp, regular
// expression, DBPointer) is written as in values: see docs/debezium-compatibility.md.
//
// kDataLoss when the BSON is broken or nested deeper than kMaxDepth; then a part was written.
absl::Status AppendKeyJson(const bson::Element& id, Output* out);

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_KEY_JSON_H_
