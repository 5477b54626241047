#ifndef SHARDTAIL_OFFSETS_OFFSET_STORE_H_
#define SHARDTAIL_OFFSETS_OFFSET_STORE_H_

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "offsets/stored_offset.h"

namespace shardtail::offsets {

// Keeps the offsets of one connector, one for each replica set. Safe for any thread.
class OffsetStore {
 public:
  virtual ~OffsetStore() = default;

  // All offsets of this connector by replica set, read anew. kFailedPrecondition for one that is
  // there but cannot be understood (the message names where it is stored, its text, and the
  // remedy): never as if it were not there. kUnavailable when the store cannot be reached.
  // kCancelled when `stop` is requested meanwhile.
  virtual absl::StatusOr<std::map<std::string, StoredOffset>> LoadAll(
      const std::stop_token& stop) = 0;
  absl::StatusOr<std::map<std::string, StoredOffset>> LoadAll() { return LoadAll({}); }

  // Durable when it returns OK.
  virtual absl::Status Save(std::string_view replica_set, const StoredOffset& offset) = 0;

  // The offset, and before it the progress of the replica set's snapshot.
  virtual absl::Status Delete(std::string_view replica_set) = 0;

  // How far a snapshot of the replica set has come: by collection (the text of its UUID), a text
  // that this folder does not look into. Errors as LoadAll()'s.
  virtual absl::StatusOr<std::map<std::string, std::string>> LoadProgress(
      std::string_view replica_set, const std::stop_token& stop) = 0;

  // By collection; nullopt removes one. Durable when it returns OK, and else in part, perhaps.
  using Progress = std::map<std::string, std::optional<std::string>>;
  virtual absl::Status SaveProgress(std::string_view replica_set, const Progress& progress) = 0;
};

}  // namespace shardtail::offsets

#endif  // SHARDTAIL_OFFSETS_OFFSET_STORE_H_
