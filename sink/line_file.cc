#include "sink/line_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/file_error.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::sink {
namespace {

constexpr off_t kBlock = 1 << 16;

// Closes unless it is given away.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return descriptor_; }
  int Release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

absl::StatusOr<std::string> ReadAt(int descriptor, off_t at, off_t size, const std::string& path) {
  std::string bytes(static_cast<size_t>(size), '\0');
  size_t read = 0;
  while (read < bytes.size()) {
    const ssize_t part =
        pread(descriptor, bytes.data() + read, bytes.size() - read, at + static_cast<off_t>(read));
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return base::FileError(errno, fmt::format("cannot read {}", path));
    if (part == 0) break;
    read += static_cast<size_t>(part);
  }
  bytes.resize(read);
  return bytes;
}

// Where the last line that has its end ends.
absl::StatusOr<off_t> EndOfLines(int descriptor, off_t size, const std::string& path) {
  for (off_t end = size; end > 0;) {
    const off_t begin = std::max<off_t>(end - kBlock, 0);
    SHARDTAIL_ASSIGN_OR_RETURN(const std::string block,
                               ReadAt(descriptor, begin, end - begin, path));
    const size_t newline = block.rfind('\n');
    if (newline != std::string::npos) return begin + static_cast<off_t>(newline) + 1;
    end = begin;
  }
  return 0;
}

absl::Status CutTornLine(int descriptor, off_t size, const std::string& path) {
  SHARDTAIL_ASSIGN_OR_RETURN(const off_t end, EndOfLines(descriptor, size, path));
  if (end == size) return absl::OkStatus();
  const off_t torn = std::min<off_t>(size - end, static_cast<off_t>(kLineBegin.size()));
  SHARDTAIL_ASSIGN_OR_RETURN(const std::string begin, ReadAt(descriptor, end, torn, path));
  if (!kLineBegin.starts_with(begin)) {
    return absl::FailedPreconditionError(
        fmt::format("{} does not end with a line of events, and is left as it is: give another "
                    "sink.file.path",
                    path));
  }
  if (ftruncate(descriptor, end) != 0) {
    return base::FileError(errno, fmt::format("cannot cut the torn last line off {}", path));
  }
  base::LogInfo("cut a torn last line of {} bytes off {}", size - end, path);
  return absl::OkStatus();
}

// Else a power failure may take the new file away with all that was acknowledged.
absl::Status SyncDirectory(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const std::string name = parent.empty() ? "." : parent;
  const Descriptor directory(open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || fsync(directory.get()) != 0) {
    return base::FileError(errno, fmt::format("cannot sync the directory {}", name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> OpenLineFile(const std::string& path) {
  Descriptor file(open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
  if (file.get() < 0)
    return base::FileError(errno, fmt::format("cannot open sink.file.path {}", path));
  struct stat status {};
  if (fstat(file.get(), &status) != 0)
    return base::FileError(errno, fmt::format("cannot stat {}", path));
  if (!S_ISREG(status.st_mode)) return file.Release();
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return base::FileError(errno, fmt::format("cannot lock {}", path));
    return absl::FailedPreconditionError(fmt::format(
        "{} is being written by another process: stop that one, or give another sink.file.path",
        path));
  }
  // Under the lock: who had it may have written.
  if (fstat(file.get(), &status) != 0)
    return base::FileError(errno, fmt::format("cannot stat {}", path));
  SHARDTAIL_RETURN_IF_ERROR(CutTornLine(file.get(), status.st_size, path));
  if (status.st_size == 0) SHARDTAIL_RETURN_IF_ERROR(SyncDirectory(path));
  return file.Release();
}

}  // namespace shardtail::sink
