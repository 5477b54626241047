#include "offsets/file_offset_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file_error.h"
#include "base/status_macros.h"
#include "offsets/connect_format.h"

namespace shardtail::offsets {
namespace {

// What a symbolic link points to, for renaming over it would replace the link.
std::string Resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path resolved = std::filesystem::canonical(path, error);
  return error ? path : resolved.string();
}

}  // namespace

FileOffsetStore::FileOffsetStore(const Options& options, std::string path, File lock)
    : connector_name_(options.connector_name),
      logical_name_(options.logical_name),
      path_(std::move(path)),
      lock_(std::move(lock)) {}

absl::StatusOr<std::unique_ptr<FileOffsetStore>> FileOffsetStore::Create(const Options& options,
                                                                         Access access) {
  const std::string path = Resolved(options.file_name);
  File lock;
  if (access == Access::kReadWrite) {
    // A file of its own, for the other one is replaced.
    const std::string lock_path = path + ".lock";
    lock.reset(std::fopen(lock_path.c_str(), "ae"));
    if (lock == nullptr) {
      return base::FileError(errno,
                             fmt::format("cannot open {} beside the offset file", lock_path));
    }
    if (flock(fileno(lock.get()), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK)
        return base::FileError(errno, fmt::format("cannot lock {}", lock_path));
      return absl::FailedPreconditionError(
          fmt::format("the offset file {} is in use by another process (which holds {}): stop that "
                      "one, or give this one another offset.storage.file.filename",
                      path, lock_path));
    }
  }
  return std::unique_ptr<FileOffsetStore>(new FileOffsetStore(options, path, std::move(lock)));
}

absl::StatusOr<std::map<std::string, StoredOffset>> FileOffsetStore::LoadAll(
    const std::stop_token& /*stop*/) {
  const std::lock_guard lock(mutex_);
  SHARDTAIL_ASSIGN_OR_RETURN(const std::vector<JavaMapEntry> entries, Read());
  ConnectorOffsets offsets(connector_name_, logical_name_, fmt::format("offset file {}", path_));
  for (const JavaMapEntry& entry : entries) offsets.Add(entry.key, entry.value);
  return offsets.Decode();
}

absl::Status FileOffsetStore::Save(std::string_view replica_set, const StoredOffset& offset) {
  return Set({{EncodeKey(connector_name_, logical_name_, replica_set), EncodeValue(offset)}});
}

absl::Status FileOffsetStore::Delete(std::string_view replica_set) {
  const std::lock_guard lock(mutex_);
  SHARDTAIL_RETURN_IF_ERROR(RequireWritable());
  SHARDTAIL_ASSIGN_OR_RETURN(std::vector<JavaMapEntry> entries, Read());
  const std::string key = EncodeKey(connector_name_, logical_name_, replica_set);
  const size_t removed = std::erase_if(entries, [&](const JavaMapEntry& entry) {
    return entry.key == key ||
           DecodeProgressKey(entry.key, connector_name_, logical_name_, replica_set).has_value();
  });
  return removed == 0 ? absl::OkStatus() : Replace(entries);
}

absl::StatusOr<std::map<std::string, std::string>> FileOffsetStore::LoadProgress(
    std::string_view replica_set, const std::stop_token& /*stop*/) {
  const std::lock_guard lock(mutex_);
  SHARDTAIL_ASSIGN_OR_RETURN(const std::vector<JavaMapEntry> entries, Read());
  std::map<std::string, std::string> progress;
  for (const JavaMapEntry& entry : entries) {
    const auto collection =
        DecodeProgressKey(entry.key, connector_name_, logical_name_, replica_set);
    if (collection.has_value() && entry.value.has_value()) progress[*collection] = *entry.value;
  }
  return progress;
}

absl::Status FileOffsetStore::SaveProgress(std::string_view replica_set, const Progress& progress) {
  std::map<std::string, std::optional<std::string>> values;
  for (const auto& [collection, text] : progress) {
    values[EncodeProgressKey(connector_name_, logical_name_, replica_set, collection)] = text;
  }
  return Set(std::move(values));
}

absl::Status FileOffsetStore::RequireWritable() const {
  if (lock_ != nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format("offset file {} was opened to read", path_));
}

absl::Status FileOffsetStore::Set(std::map<std::string, std::optional<std::string>> values) {
  const std::lock_guard lock(mutex_);
  SHARDTAIL_RETURN_IF_ERROR(RequireWritable());
  // Read anew each time: whatever else is in it must stay.
  SHARDTAIL_ASSIGN_OR_RETURN(std::vector<JavaMapEntry> entries, Read());
  bool changed = std::erase_if(entries, [&](const JavaMapEntry& entry) {
                   const auto value = values.find(entry.key);
                   return value != values.end() && !value->second.has_value();
                 }) > 0;
  for (JavaMapEntry& entry : entries) {
    const auto value = values.find(entry.key);
    if (value == values.end()) continue;
    entry.value = *std::move(value->second);
    values.erase(value);
    changed = true;
  }
  for (auto& [key, value] : values) {
    if (!value.has_value()) continue;
    entries.push_back({key, *std::move(value)});
    changed = true;
  }
  return changed ? Replace(entries) : absl::OkStatus();
}

absl::StatusOr<std::vector<JavaMapEntry>> FileOffsetStore::Read() const {
  const File file(std::fopen(path_.c_str(), "rbe"));
  if (file == nullptr) {
    if (errno == ENOENT) return std::vector<JavaMapEntry>();
    return base::FileError(errno, fmt::format("cannot open the offset file {}", path_));
  }
  std::string bytes;
  std::array<char, 16384> part;
  while (const size_t size = std::fread(part.data(), 1, part.size(), file.get())) {
    bytes.append(part.data(), size);
  }
  if (std::ferror(file.get()) != 0) {
    return base::FileError(errno, fmt::format("cannot read the offset file {}", path_));
  }
  if (bytes.empty()) {
    // Ours is replaced as a whole, so an empty one was cut off by something else.
    return absl::FailedPreconditionError(fmt::format(
        "the offset file {} is empty, and so says nothing of where to continue. Restore it from a "
        "copy, or remove it to begin with a snapshot",
        path_));
  }
  auto entries = ParseJavaMap(bytes);
  if (!entries.ok()) {
    return absl::FailedPreconditionError(fmt::format(
        "the offset file {} is broken, or none of Kafka Connect's: {}. Restore it from a "
        "copy, or remove it to begin with a snapshot",
        path_, std::string(entries.status().message())));
  }
  return entries;
}

absl::Status FileOffsetStore::Replace(const std::vector<JavaMapEntry>& entries) const {
  const std::string temporary = path_ + ".tmp";
  if (absl::Status written = Write(temporary, SerializeJavaMap(entries)); !written.ok()) {
    // The room it takes may be just what is missing.
    std::remove(temporary.c_str());
    return written;
  }
  if (std::rename(temporary.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    std::remove(temporary.c_str());
    return base::FileError(error, fmt::format("cannot replace the offset file {}", path_));
  }
  // Until the directory is synced as well, the old file may come back after a power failure.
  const std::string parent = std::filesystem::path(path_).parent_path().string();
  const std::string directory = parent.empty() ? "." : parent;
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) close(descriptor);
  if (!synced)
    return base::FileError(error, fmt::format("cannot sync the directory {}", directory));
  return absl::OkStatus();
}

absl::Status FileOffsetStore::Write(const std::string& path, const std::string& bytes) const {
  const File file(std::fopen(path.c_str(), "wbe"));
  if (file == nullptr) return base::FileError(errno, fmt::format("cannot create {}", path));
  // Readable to whom the old one is.
  struct stat old {};
  if (stat(path_.c_str(), &old) == 0 && fchmod(fileno(file.get()), old.st_mode & 07777) != 0) {
    return base::FileError(errno, fmt::format("cannot set the mode of {}", path));
  }
  if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() ||
      std::fflush(file.get()) != 0 || fsync(fileno(file.get())) != 0) {
    return base::FileError(
        errno, fmt::format("cannot write {}; the offset file {} is as it was", path, path_));
  }
  return absl::OkStatus();
}

}  // namespace shardtail::offsets
