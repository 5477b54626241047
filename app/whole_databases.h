#ifndef SHARDTAIL_APP_WHOLE_DATABASES_H_
#define SHARDTAIL_APP_WHOLE_DATABASES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "filter/namespace_filter.h"
#include "filter/options.h"
#include "mongo/client.h"

namespace shardtail::app {

// The databases whose collections are all captured, but for those that are excluded by name. None
// with a collection.include.list, which cannot tell whether it means a database that is not seen.
// Errors are Client::Run()'s and those of the filter.
absl::StatusOr<std::vector<std::string>> WholeDatabases(mongo::Client& client,
                                                        const filter::Options& options,
                                                        const filter::NamespaceFilter& filter);

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_WHOLE_DATABASES_H_
