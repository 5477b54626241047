#ifndef SHARDTAIL_SNAPSHOT_OPTIONS_H_
#define SHARDTAIL_SNAPSHOT_OPTIONS_H_

#include <cstdint>

namespace shardtail::snapshot {

struct Options {
  int32_t fetch_size = 0;  // snapshot.fetch.size, documents a reply; 0: the server's choice
};

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_OPTIONS_H_
