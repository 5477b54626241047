#ifndef SHARDTAIL_OFFSETS_CONNECT_FORMAT_H_
#define SHARDTAIL_OFFSETS_CONNECT_FORMAT_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "offsets/stored_offset.h"

namespace shardtail::offsets {

// Offsets as Kafka Connect keeps those of the Debezium 1.3 MongoDB connector: one key and one value
// for each replica set, both JSON, written byte for byte as Connect's JsonConverter writes them.
// The bytes of the key matter, for Connect looks an offset up by them.

// `["<connector>",{"rs":"<replica set>","server_id":"<logical name>"}]`
std::string EncodeKey(std::string_view connector_name, std::string_view logical_name,
                      std::string_view replica_set);

// `{"sec":…,"ord":…,"transaction_id":null,"h":null,"stxnid":…}`, with `"initsync":true` before h
// and `"tord":…` at the end where they apply: the order of a java.util.HashMap. With transaction
// metadata `transaction_id` is set, and `"transaction_data_collection_order_<rs.db.coll>":…`
// follow. Ours alone, and ignored by Debezium: `commit_sec`, `commit_ord`, `commit_tord`, see
// StoredOffset::inside; `waited_sec`, `waited_ord`, `moves_settled` and `copy_id`, see
// StoredOffset::waited, settled and copy. `sec` and `ord` are Java's ints: from 2^31 on (a `sec` of
// the year 2038) they are negative.
std::string EncodeValue(const StoredOffset& offset);

// The reverse: fields in any order, unknown ones ignored; `sec` and `ord` from -2^31 to 2^32 - 1.
// kFailedPrecondition says what is wrong with which field.
absl::StatusOr<StoredOffset> DecodeValue(std::string_view text);

// `["<connector>",{"collection":"<collection>","rs":"<replica set>","server_id":"<logical
// name>"}]`: how far the snapshot of a collection has come. Ours alone: Debezium looks its offsets
// up by keys without a collection, and Connect keeps it, and removes it with the connector's
// offsets.
std::string EncodeProgressKey(std::string_view connector_name, std::string_view logical_name,
                              std::string_view replica_set, std::string_view collection);

// The collection of such a key; nullopt for any other, written otherwise than above too.
std::optional<std::string> DecodeProgressKey(std::string_view key, std::string_view connector_name,
                                             std::string_view logical_name,
                                             std::string_view replica_set);

// The entries of a store, of which those of one connector are wanted.
class ConnectorOffsets {
 public:
  // `place` names the store, for messages.
  ConnectorOffsets(std::string connector_name, std::string logical_name, std::string place);

  // Takes an entry in: the later one of a key counts, and one without a value removes it. Those of
  // others, and what is no key of Connect's, are passed over.
  void Add(std::string_view key, std::optional<std::string_view> value);

  // By replica set. kFailedPrecondition for a value that cannot be understood: names the place, the
  // text and the remedy.
  absl::StatusOr<std::map<std::string, StoredOffset>> Decode() const;

 private:
  const std::string connector_name_;
  const std::string logical_name_;
  const std::string place_;
  std::map<std::string, std::string> values_;  // by replica set
};

}  // namespace shardtail::offsets

#endif  // SHARDTAIL_OFFSETS_CONNECT_FORMAT_H_
