#ifndef SHARDTAIL_CONFIG_SNAPSHOT_QUERIES_H_
#define SHARDTAIL_CONFIG_SNAPSHOT_QUERIES_H_

#include "config/configuration.h"
#include "config/findings.h"
#include "config/merge.h"

namespace shardtail::config {

// Reads snapshot.collection.filter.overrides and its family of queries, which only together say
// something: each collection in the list must have a query, and each query must be for a collection
// in the list. Nothing is read without `reader`. What a reference brought in is not shown.
void ReadSnapshotQueries(const GivenProperties& given, const QueryReader& reader,
                         Configuration* configuration, Findings* mistakes);

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_SNAPSHOT_QUERIES_H_
