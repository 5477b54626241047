#ifndef SHARDTAIL_FILTER_OPTIONS_H_
#define SHARDTAIL_FILTER_OPTIONS_H_

#include <string>
#include <vector>

#include "base/regex.h"

namespace shardtail::filter {

// database.include.list and so on: regular expressions that match a whole name, ignoring case. At
// most one of include and exclude is given for databases, and one for collections
// (`db.collection`).
struct Options {
  std::vector<base::Regex> database_include;
  std::vector<base::Regex> database_exclude;
  std::vector<base::Regex> collection_include;
  std::vector<base::Regex> collection_exclude;

  // field.exclude.list and field.renames, as written; see FieldFilter.
  std::vector<std::string> field_exclude;
  std::vector<std::string> field_renames;

  // skipped.operations
  bool skip_creates = false;
  bool skip_updates = false;
  bool skip_deletes = false;
};

}  // namespace shardtail::filter

#endif  // SHARDTAIL_FILTER_OPTIONS_H_
