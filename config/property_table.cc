#include "config/property_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "config/near_names.h"

namespace shardtail::config {
namespace {

// What follows in `written` after as many dots as `start` has.
std::string_view AfterDots(std::string_view written, std::string_view start) {
  for (auto dots = std::count(start.begin(), start.end(), '.'); dots > 0; --dots) {
    const size_t dot = written.find('.');
    if (dot == std::string_view::npos) return {};
    written.remove_prefix(dot + 1);
  }
  return written;
}

}  // namespace

const std::vector<PropertyGroup>& PropertyTable() {
  static const auto& table = *new std::vector<PropertyGroup>([] {
    std::vector<PropertyGroup> groups;
    for (auto part : {ConnectionProperties, DebeziumProperties, SignalProperties, OutputProperties,
                      ConnectProperties}) {
      std::vector<PropertyGroup> more = part();
      std::move(more.begin(), more.end(), std::back_inserter(groups));
    }
    return groups;
  }());
  return table;
}

const Property* FindProperty(std::string_view name) {
  const Property* found = nullptr;
  for (const PropertyGroup& group : PropertyTable()) {
    for (const Property& property : group.properties) {
      if (!property.Matches(name)) continue;
      if (!property.IsFamily()) return &property;
      if (found == nullptr || property.name.size() > found->name.size()) found = &property;
    }
  }
  return found;
}

std::string CurrentName(const std::string& name) {
  for (const PropertyGroup& group : PropertyTable()) {
    for (const Property& property : group.properties) {
      for (const std::string& other : property.other_names) {
        if (other == name) return property.name;
      }
    }
  }
  return name;
}

std::vector<std::string> NamesToMean(std::string_view written) {
  std::vector<std::string> names;
  for (const PropertyGroup& group : PropertyTable()) {
    for (const Property& property : group.properties) {
      if (property.IsFamily()) {
        const std::string start = property.name.substr(0, property.name.size() - 1);
        const std::string_view rest = AfterDots(written, start);
        const std::string_view written_start = written.substr(0, written.size() - rest.size());
        // Only the start can be wrong: the rest is not in the table.
        if (!NearestName(written_start, {start}).empty())
          names.push_back(start + std::string(rest));
      } else {
        names.push_back(property.name);
      }
      names.insert(names.end(), property.other_names.begin(), property.other_names.end());
    }
  }
  return names;
}

}  // namespace shardtail::config
