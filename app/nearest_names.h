#ifndef SHARDTAIL_APP_NEAREST_NAMES_H_
#define SHARDTAIL_APP_NEAREST_NAMES_H_

#include <string>
#include <vector>

#include "filter/options.h"

namespace shardtail::app {

// Why nothing is captured: for each include pattern the existing name that comes nearest, one line
// each. `existing` holds names `db.collection`.
std::vector<std::string> NearestNames(const filter::Options& options,
                                      const std::vector<std::string>& existing);

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_NEAREST_NAMES_H_
