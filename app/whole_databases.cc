#include "app/whole_databases.h"

#include "base/status_macros.h"
#include "snapshot/collection_list.h"

namespace shardtail::app {

absl::StatusOr<std::vector<std::string>> WholeDatabases(mongo::Client& client,
                                                        const filter::Options& options,
                                                        const filter::NamespaceFilter& filter) {
  std::vector<std::string> whole;
  if (!options.collection_include.empty()) return whole;
  SHARDTAIL_ASSIGN_OR_RETURN(const std::vector<std::string> databases,
                             snapshot::ListDatabases(client));
  for (const std::string& database : databases) {
    // The server's own, which no pattern means without its name.
    if (database == "config") continue;
    SHARDTAIL_ASSIGN_OR_RETURN(const bool accepted, filter.AcceptsDatabase(database));
    if (accepted) whole.push_back(database);
  }
  return whole;
}

}  // namespace shardtail::app
