#ifndef SHARDTAIL_OFFSETS_CONSISTENT_START_H_
#define SHARDTAIL_OFFSETS_CONSISTENT_START_H_

#include <map>
#include <string>

#include "mongo/bson.h"
#include "offsets/stored_offset.h"

namespace shardtail::offsets {

// Which shards must start earlier than their stored offsets say, and how early: nothing after these
// times may be taken as captured.
//
// A shard that waited for the others (StoredOffset::waited) may have stored an offset behind the
// wait when the process was killed, and another one an offset before it. That one then repeats
// events from before the wait, and the first must repeat what came after it, too: a document that
// moved between the two would else end in the topic as it once was.
//
// `stored` holds the shards that are captured now: one that was removed repeats nothing.
std::map<std::string, bson::Timestamp> ShardsToStartEarlier(
    const std::map<std::string, StoredOffset>& stored);

}  // namespace shardtail::offsets

#endif  // SHARDTAIL_OFFSETS_CONSISTENT_START_H_
