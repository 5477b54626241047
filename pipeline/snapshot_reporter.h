#ifndef SHARDTAIL_PIPELINE_SNAPSHOT_REPORTER_H_
#define SHARDTAIL_PIPELINE_SNAPSHOT_REPORTER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"

namespace shardtail::pipeline {

// How far the copy of one collection is.
struct CollectionCount {
  std::string ns;
  int64_t documents = 0;            // handed over in this run
  std::optional<int64_t> estimate;  // of all; none: not known, or a part was copied before
  bool complete = false;
};

// Tells how far a copy is: on a terminal by lines that are drawn anew in their place, one for each
// collection under way, else by a line of the log now and then. One thread.
class SnapshotReporter {
 public:
  // `clock` must outlive it.
  SnapshotReporter(std::string replica_set, base::Clock& clock);
  // Takes the lines away.
  ~SnapshotReporter();
  SnapshotReporter(const SnapshotReporter&) = delete;
  SnapshotReporter& operator=(const SnapshotReporter&) = delete;

  // Whether it is time for Report() again.
  bool Due() const;
  void Report(std::span<const CollectionCount> counts);

  // What Report() tells, in a line, or a line for each collection under way and one for all. By the
  // counts of the last call of either.
  std::string Line(std::span<const CollectionCount> counts);
  std::vector<std::string> Lines(std::span<const CollectionCount> counts);

 private:
  struct Total;
  Total Sum(std::span<const CollectionCount> counts) const;
  void Remember(std::span<const CollectionCount> counts);
  // Documents a second of what has so many now.
  double Rate(const std::string& ns, int64_t documents) const;

  const std::string replica_set_;
  base::Clock& clock_;
  absl::Duration reported_;                // by the monotonic clock
  absl::Duration since_;                   // of before_
  std::map<std::string, int64_t> before_;  // documents, by name; "" of all
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_SNAPSHOT_REPORTER_H_
