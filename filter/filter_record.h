#ifndef SHARDTAIL_FILTER_FILTER_RECORD_H_
#define SHARDTAIL_FILTER_FILTER_RECORD_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "filter/options.h"

namespace shardtail::filter {

// Which collections are captured, in a form to be kept: so that a later run knows what an earlier
// one captured. Of the options, the lists of databases and collections:
//
//   {"version":1,"database_include":["shop"],"collection_exclude":["shop[.]log"]}
//
// Empty lists are left out. The same options have the same record.
std::string EncodeFilterRecord(const Options& options);

// The reverse; unknown fields are ignored. kFailedPrecondition says what is wrong.
absl::StatusOr<Options> DecodeFilterRecord(std::string_view text);

}  // namespace shardtail::filter

#endif  // SHARDTAIL_FILTER_FILTER_RECORD_H_
