#ifndef SHARDTAIL_CONFIG_PROPERTY_TABLE_H_
#define SHARDTAIL_CONFIG_PROPERTY_TABLE_H_

#include <string>
#include <string_view>
#include <vector>

#include "config/property.h"

namespace shardtail::config {

// Properties that belong together, with the head that the reference gives them.
struct PropertyGroup {
  std::string title;
  std::string introduction;
  std::vector<Property> properties;
};

// The table of all properties. Where two write the same field, the later one wins. Immutable.
const std::vector<PropertyGroup>& PropertyTable();

// The property that `name` belongs to: the one of that name, else the longest family; null when it
// is not known. Other names are not looked at.
const Property* FindProperty(std::string_view name);

// The name in the table that another name, of an earlier or later connector, stands for; else
// `name`.
std::string CurrentName(const std::string& name);

// All names that a user may have meant by `written`: every name of the table, and those that begin
// as a family does and go on as `written` does.
std::vector<std::string> NamesToMean(std::string_view written);

// The parts of the table, by where their names come from.
std::vector<PropertyGroup> ConnectionProperties();  // who, which deployment, how to reach it
std::vector<PropertyGroup> DebeziumProperties();    // what is captured, and how
std::vector<PropertyGroup> SignalProperties();      // what users ask of a running capture
std::vector<PropertyGroup> OutputProperties();      // where events and offsets go, and the log
std::vector<PropertyGroup> ConnectProperties();     // what is Kafka Connect's own

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_PROPERTY_TABLE_H_
