#ifndef SHARDTAIL_PIPELINE_COPY_NOTIFIER_H_
#define SHARDTAIL_PIPELINE_COPY_NOTIFIER_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "encoding/metadata_json.h"
#include "pipeline/options.h"
#include "pipeline/publisher.h"
#include "snapshot/progress.h"

namespace shardtail::pipeline {

// Tells on the channels of notification.enabled.channels what becomes of one replica set's copies,
// in the form and the words of Debezium's later versions ("Debezium notifications" in its
// documentation): `Initial Snapshot` for the snapshot, `Incremental Snapshot` for what a signal
// asks for, or a copy of a single collection. Without channels it does nothing.
//
// Any thread, but for Send(), which belongs to the replica set's.
class CopyNotifier {
 public:
  // All must outlive it.
  CopyNotifier(const Options& options, const encoding::MetadataJson& metadata, base::Clock& clock,
               std::string replica_set);

  // The snapshot; `copy` tells it from others (StoredOffset::copy).
  void BeginInitial(int64_t copy);
  void GoOnInitial(int64_t copy);
  void EndInitial();
  void AbortInitial(std::string_view reason);
  void SkipInitial();  // told of once

  // A signal asks for so many collections; those that are copied follow. Then all are told of.
  void BeginSignal(const std::string& id, const std::vector<std::string>& names);
  // The copy of a single collection is under way, again where a run ended before.
  void AddSingle(const snapshot::CollectionUuid& uuid, const snapshot::CollectionProgress& progress,
                 bool again);

  void Pause(bool paused, bool initial);

  // A collection's first documents go out.
  void Begin(const snapshot::CollectionUuid& uuid, const std::string& ns);
  // All of it is acknowledged; `documents`: of this run.
  void Finish(const snapshot::CollectionUuid& uuid, const std::string& ns, int64_t documents);
  // It is not to be copied any more.
  void GiveUp(const snapshot::CollectionUuid& uuid, const std::string& reason);

  // A signal that cannot be read or done.
  void RefuseSignal(std::string_view id, std::string_view reason);

  // Hands what there is to tell to the sink. Errors are the publisher's.
  absl::Status Send(Publisher& publisher, const std::stop_token& stop);

 private:
  using Data = std::vector<std::pair<std::string, std::string>>;
  // What one signal asks for.
  struct Job {
    std::vector<std::string> names;                        // of all its collections
    std::map<snapshot::CollectionUuid, std::string> left;  // and their names
    std::vector<std::string> given_up;
  };

  bool enabled() const { return options_.notify_log || !options_.notification_topic.empty(); }
  // With mutex_ held.
  void Tell(std::string_view id, std::string_view about, std::string_view type, Data data = {});
  // With mutex_ held: a collection leaves its jobs.
  void Leave(const snapshot::CollectionUuid& uuid, const Data& data);

  const Options& options_;
  const encoding::MetadataJson& metadata_;
  base::Clock& clock_;
  const std::string replica_set_;
  std::mutex mutex_;        // guards the next
  std::string initial_id_;  // of the snapshot
  bool skipped_ = false;    // and told of
  std::map<std::string, Job> jobs_;
  std::vector<std::pair<std::string, std::string>> unsent_;  // keys and values
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_COPY_NOTIFIER_H_
