#ifndef SHARDTAIL_CONFIG_NEAR_NAMES_H_
#define SHARDTAIL_CONFIG_NEAR_NAMES_H_

#include <string>
#include <string_view>
#include <vector>

namespace shardtail::config {

// The name that `written` was probably meant to be: the one with the fewest characters to insert,
// delete, replace or swap with the next, ignoring case; empty when none comes near.
std::string NearestName(std::string_view written, const std::vector<std::string>& names);

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_NEAR_NAMES_H_
