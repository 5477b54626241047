#ifndef SHARDTAIL_PIPELINE_COPY_SIGNALS_H_
#define SHARDTAIL_PIPELINE_COPY_SIGNALS_H_

#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "event/change_event.h"
#include "metrics/pipeline_metrics.h"
#include "pipeline/collection_copies.h"
#include "pipeline/copy_notifier.h"
#include "pipeline/copy_records.h"
#include "pipeline/member.h"
#include "pipeline/publisher.h"
#include "pipeline/signal_post.h"
#include "signals/signal.h"

namespace shardtail::pipeline {

// What signals ask of one replica set's copies: from its SignalPost it gets them at any time, and
// does them between two entries of the stream. A signal is kept until it is done; one that cannot
// be done is said in the log, and ends nothing.
//
// All functions belong to the replica set's thread.
class CopySignals {
 public:
  // All must outlive it.
  CopySignals(SignalPost& post, CollectionCopies& copies, CopyNotifier& notifier,
              metrics::PipelineMetrics& metrics, std::string replica_set);
  ~CopySignals();

  // Of what is kept beside the offset, the signals that an earlier process did not come to.
  absl::Status Load(const CopyRecords::Stored& stored);

  // Does what they ask for that have come; before the stream, only what pauses and resumes.
  absl::Status Take(Member& member, Publisher& publisher, bool before_stream,
                    const std::stop_token& stop);

  // An insert into the signal collection: for all replica sets.
  absl::Status Post(const event::ChangeEvent& event);

 private:
  absl::Status Do(const signals::Signal& signal, Member& member, Publisher& publisher,
                  const std::stop_token& stop);
  absl::Status ExecuteSnapshot(const signals::Signal& signal, Member& member, Publisher& publisher,
                               const std::stop_token& stop);

  SignalPost& post_;
  CollectionCopies& copies_;
  CopyNotifier& notifier_;
  metrics::PipelineMetrics& metrics_;
  const std::string replica_set_;
  std::mutex mutex_;                              // guards the next, which the post adds to
  std::map<std::string, signals::Signal> inbox_;  // to do, by their keys
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_COPY_SIGNALS_H_
