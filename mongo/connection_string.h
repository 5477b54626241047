#ifndef SHARDTAIL_MONGO_CONNECTION_STRING_H_
#define SHARDTAIL_MONGO_CONNECTION_STRING_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "mongo/options.h"

namespace shardtail::mongo {

// Puts what a connection string (mongodb:// or mongodb+srv://) says into `options`, over what they
// hold; see "Connection Strings" in MongoDB's manual. Connects to nothing: of a mongodb+srv:// one
// the seeds stay empty until ResolveSeeds().
//
// Returns notes, one a line: options that mean nothing to a reader of oplogs, and why.
// kInvalidArgument: what is wrong, and every option that would change something and is not
// honoured, by name, one a line. No user's name or password is in either.
absl::StatusOr<std::vector<std::string>> ReadConnectionString(std::string_view text,
                                                              ConnectionOptions* options);

// Looks up the seeds of a mongodb+srv:// connection string: its SRV records, and the replica set's
// name and the authSource of its TXT record. Does nothing where the seeds are known. Blocks for as
// long as the system's resolver does (see resolv.conf(5)). kUnavailable where there is no answer,
// or none that the driver takes.
absl::Status ResolveSeeds(ConnectionOptions* options);

}  // namespace shardtail::mongo

#endif  // SHARDTAIL_MONGO_CONNECTION_STRING_H_
