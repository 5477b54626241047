// The stored progress of a snapshot: what was read and is written is read as the same again, and
// its ranges are in order and apart. So every boundary in it is compared with the others.

#include <string>

#include "snapshot/progress.h"
#include "tests/fuzz/finding.h"

namespace shardtail::snapshot {
namespace {

void ReadProgress(std::string_view text) {
  const auto progress = DecodeProgress(text);
  if (!progress.ok()) {
    fuzz::Require(absl::IsFailedPrecondition(progress.status()), "a failed precondition",
                  progress.status().ToString());
    return;
  }
  const CopiedRange* previous = nullptr;
  for (const CopiedRange& copied : progress->copied) {
    fuzz::Require(!IsEmpty(copied.range), "no empty range", text);
    fuzz::Require(previous == nullptr || !IsOpen(previous->range.max), "apart", text);
    fuzz::Require(previous == nullptr || !LowerBoundLess()(copied.range.min, previous->range.max),
                  "in order", text);
    previous = &copied;
  }
  const std::string written = EncodeProgress(*progress);
  const auto again = DecodeProgress(written);
  fuzz::Require(again.ok(), "readable when it is written", written);
  fuzz::Require(EncodeProgress(*again) == written, "written as before", written);
}

}  // namespace
}  // namespace shardtail::snapshot

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardtail;  // NOLINT(google-build-using-namespace)
  const fuzz::OwnBytes bytes({reinterpret_cast<const char*>(data), size});
  snapshot::ReadProgress(bytes.view());
  return 0;
}
