#ifndef SHARDTAIL_PIPELINE_LARGE_RECORDS_H_
#define SHARDTAIL_PIPELINE_LARGE_RECORDS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "event/change_event.h"

namespace shardtail::pipeline {

// Remembers which events the large records in flight are, so that one that Kafka refuses can be
// named. Any thread.
class LargeRecords {
 public:
  // No limit of a broker is smaller, in practice: its default is ten times as much.
  static constexpr int64_t kLargeBytes = 100'000;

  // A record of so many bytes is about to be sent. All tickets up to `settled` are delivered.
  void Note(uint64_t ticket, const event::ChangeEvent& event, int64_t bytes, uint64_t settled);

  // `event c of shop.orders with _id 5 at (…)`; of one that is not large only that it is an event.
  std::string Describe(uint64_t ticket) const;

 private:
  mutable std::mutex mutex_;  // guards the next
  std::map<uint64_t, std::string> described_;
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_PIPELINE_LARGE_RECORDS_H_
