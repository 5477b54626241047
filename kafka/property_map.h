#ifndef SHARDTAIL_KAFKA_PROPERTY_MAP_H_
#define SHARDTAIL_KAFKA_PROPERTY_MAP_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kafka/options.h"
#include "kafka/translation.h"

namespace shardtail::kafka {

// Java's properties of a Kafka client in librdkafka's names, units and ranges.
//
// Every property of Java's producer is handed over, or accepted with the reason why it has no
// effect here, or refused with what to do instead (properties_table.h); other names are
// librdkafka's own and are handed over as they are, those that would break the order or the safety
// of events excepted. Nothing is passed over in silence.

// Of the producer of events: `common`, then `producer` over it, then our defaults
// (producer_defaults.h) for what is in neither. The errors are empty when all is well.
Translation TranslateForProducer(const Options& options);

// Of every other client: `common` alone, as in Kafka Connect.
Translation TranslateForOtherClients(const Options& options);

// Checks everything without connecting. kInvalidArgument lists all mistakes, one a line, each with
// the property's name and what to do; else what there is to tell the user, one line each.
absl::StatusOr<std::vector<std::string>> CheckOptions(const Options& options);

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_PROPERTY_MAP_H_
