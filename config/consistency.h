#ifndef SHARDTAIL_CONFIG_CONSISTENCY_H_
#define SHARDTAIL_CONFIG_CONSISTENCY_H_

#include "config/configuration.h"
#include "config/findings.h"
#include "config/merge.h"

namespace shardtail::config {

// Fills in what depends on several properties: where events and offsets go when that is left open,
// and the names. Notes tell of choices that a user may not expect.
void CompleteDefaults(const GivenProperties& given, Configuration* configuration, Findings* notes);

// What must be given, and what does not go together. After CompleteDefaults().
void CheckTogether(const GivenProperties& given, const Configuration& configuration,
                   Findings* mistakes);

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_CONSISTENCY_H_
