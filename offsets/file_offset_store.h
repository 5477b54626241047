#ifndef SHARDTAIL_OFFSETS_FILE_OFFSET_STORE_H_
#define SHARDTAIL_OFFSETS_FILE_OFFSET_STORE_H_

#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "offsets/create_offset_store.h"
#include "offsets/java_map.h"
#include "offsets/offset_store.h"
#include "offsets/options.h"

namespace shardtail::offsets {

// Keeps offsets in a file of Kafka Connect standalone (offset.storage.file.filename), in its own
// form, so that either can go on where the other stopped. Entries of other connectors are kept.
//
// The file is replaced as a whole: written beside it, synced, renamed. After a crash, or when the
// disk is full, it is the old one or the new one, never a part. One that cannot be understood is
// never written over.
// `<file>.lock` is locked while a store that writes lives.
//
// A missing file has no offsets. An empty one was cut off by something else, and is an error.
class FileOffsetStore : public OffsetStore {
 public:
  // kFailedPrecondition when another process has it open for writing.
  static absl::StatusOr<std::unique_ptr<FileOffsetStore>> Create(const Options& options,
                                                                 Access access);

  using OffsetStore::LoadAll;
  absl::StatusOr<std::map<std::string, StoredOffset>> LoadAll(const std::stop_token& stop) override;

  // Durable when it returns OK, the directory's entry included. kUnavailable when the disk is full.
  absl::Status Save(std::string_view replica_set, const StoredOffset& offset) override;
  absl::Status Delete(std::string_view replica_set) override;
  absl::StatusOr<std::map<std::string, std::string>> LoadProgress(
      std::string_view replica_set, const std::stop_token& stop) override;
  absl::Status SaveProgress(std::string_view replica_set, const Progress& progress) override;

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, CloseFile>;

  FileOffsetStore(const Options& options, std::string path, File lock);

  // With mutex_ held.
  absl::StatusOr<std::vector<JavaMapEntry>> Read() const;
  absl::Status Replace(const std::vector<JavaMapEntry>& entries) const;
  absl::Status Write(const std::string& path, const std::string& bytes) const;
  // By key; nullopt removes one.
  absl::Status Set(std::map<std::string, std::optional<std::string>> values);
  absl::Status RequireWritable() const;

  const std::string connector_name_;
  const std::string logical_name_;
  const std::string path_;
  const File lock_;   // none: for reading only
  std::mutex mutex_;  // one change of the file at a time
};

}  // namespace shardtail::offsets

#endif  // SHARDTAIL_OFFSETS_FILE_OFFSET_STORE_H_
