#include "config/near_names.h"

#include <algorithm>
#include <numeric>

#include "config/values.h"

namespace shardtail::config {
namespace {

// The optimal string alignment distance.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> current(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
      current[j] = std::min({replaced, last[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, current);
  }
  return last[b.size()];
}

}  // namespace

std::string NearestName(std::string_view written, const std::vector<std::string>& names) {
  const std::string lowered = Lowered(written);
  // A third of the name may be wrong: more is another name.
  size_t nearest_distance = lowered.size() / 3 + 1;
  std::string nearest;
  for (const std::string& name : names) {
    // The lengths alone tell most names apart.
    const size_t longer = std::max(lowered.size(), name.size());
    if (longer - std::min(lowered.size(), name.size()) >= nearest_distance) continue;
    const size_t distance = EditDistance(lowered, Lowered(name));
    if (distance < nearest_distance) {
      nearest_distance = distance;
      nearest = name;
    }
  }
  return nearest;
}

}  // namespace shardtail::config
