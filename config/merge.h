#ifndef SHARDTAIL_CONFIG_MERGE_H_
#define SHARDTAIL_CONFIG_MERGE_H_

#include <optional>

#include "config/configuration.h"
#include "config/findings.h"

namespace shardtail::config {

// One set of properties out of the two files, by Kafka Connect's rules: the connector's over the
// worker's, but for what is the worker's alone. Debezium Server's names (`debezium.source.…`) and
// those of earlier and later connectors count as the table's, which win over them. Notes tell what
// was renamed and what is not read.
GivenProperties Merge(const std::optional<RawProperties>& worker, const RawProperties& connector,
                      Findings* notes);

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_MERGE_H_
