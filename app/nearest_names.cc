#include "app/nearest_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "config/near_names.h"

namespace shardtail::app {
namespace {

// A pattern as the name that was probably meant: `shop\.orders` is shop.orders.
std::string NameMeant(const base::Regex& pattern) {
  std::string text = pattern.pattern();
  std::erase(text, '\\');
  return text;
}

void Describe(std::string_view property, const std::vector<base::Regex>& patterns,
              const std::vector<std::string>& names, std::vector<std::string>* lines) {
  for (const base::Regex& pattern : patterns) {
    const std::string nearest = config::NearestName(NameMeant(pattern), names);
    lines->push_back(
        nearest.empty()
            ? fmt::format("{}: nothing comes near '{}'", property, pattern.pattern())
            : fmt::format("{}: nearest to '{}' is {}", property, pattern.pattern(), nearest));
  }
}

}  // namespace

std::vector<std::string> NearestNames(const filter::Options& options,
                                      const std::vector<std::string>& existing) {
  std::vector<std::string> databases;
  databases.reserve(existing.size());
  for (const std::string& name : existing) databases.push_back(name.substr(0, name.find('.')));
  std::ranges::sort(databases);
  databases.erase(std::unique(databases.begin(), databases.end()), databases.end());
  std::vector<std::string> lines;
  Describe("database.include.list", options.database_include, databases, &lines);
  Describe("collection.include.list", options.collection_include, existing, &lines);
  if (lines.empty()) {
    lines.push_back(existing.empty()
                        ? "there is no collection that the user may see"
                        : fmt::format("{} collections are there, all excluded", existing.size()));
  }
  return lines;
}

}  // namespace shardtail::app
