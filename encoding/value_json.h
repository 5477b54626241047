#ifndef SHARDTAIL_ENCODING_VALUE_JSON_H_
#define SHARDTAIL_ENCODING_VALUE_JSON_H_

#include "absl/status/status.h"
#include "encoding/output.h"
#include "mongo/bson.h"

namespace shardtail::encoding {

// How deep documents may be nested. MongoDB stores 180 levels, and BSON tools read 200.
constexpr int kMaxDepth = 250;

// Appends the JSON of a document as Debezium 1.3.1 writes `after`, `patch` and `filter`: the Java
// driver's JsonMode.STRICT without line breaks, `{"_id": 1,"a": [1.5,{"$numberLong": "2"}]}`. It is
// escaped for the string of the outer JSON that it stands in, whose quotes are the caller's.
//
// Where 1.3.1's is no JSON, or not what is stored, it differs: see
// docs/debezium-compatibility.md.
//
// kDataLoss when the BSON is broken or nested deeper than kMaxDepth; then a part was written.
absl::Status AppendValueJson(bson::View document, Output* out);

// The same for one value, without its name.
absl::Status AppendValueJson(const bson::Element& element, Output* out);

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_VALUE_JSON_H_
