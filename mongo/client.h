#ifndef SHARDTAIL_MONGO_CLIENT_H_
#define SHARDTAIL_MONGO_CLIENT_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "mongo/bson.h"
#include "mongo/options.h"

namespace shardtail::mongo {

// The reply to a command; owns the bytes that view() and all views made from it point into.
class Reply {
 public:
  Reply(Reply&&) noexcept;
  Reply& operator=(Reply&&) noexcept;
  ~Reply();

  bson::View view() const;

 private:
  friend class Client;
  struct Storage;
  explicit Reply(std::unique_ptr<Storage> storage);
  std::unique_ptr<Storage> storage_;
};

// A point in a sharded cluster's time, which all its servers share. A server with access control
// believes in a time that it has not reached itself only when another server has signed it.
struct ClusterTime {
  bson::Timestamp time;        // no later than what is signed
  bson::Document signed_time;  // `$clusterTime` as a server gave it
};

// The `$clusterTime` of a reply, and the `operationTime`; nullopt where the server is in no cluster
// nor replica set.
std::optional<ClusterTime> ClusterTimeOf(bson::View reply);

// A direct connection to one server, whatever its role. One thread at a time.
//
// Calls block: a connect for at most connect_timeout, a command until its reply or the socket
// timeout (socket_timeout, or 30 s where that is zero: longer than any command we send takes, so
// that a half-open connection is noticed). A stop request or Interrupt() ends them at once.
//
// Errors, by the server's and the driver's numeric codes:
//   kCancelled          interrupted
//   kUnavailable        network, not primary, stepped down, recovering, cursor gone, no answer in
//                       time
//   kUnauthenticated    the server refused the credentials (18), or one side the other's
//                       certificate (then IsCertificateFailure() is true)
//   kPermissionDenied   not authorised for the command (13)
//   kOutOfRange         CappedPositionLost (136): the oplog rolled past the cursor
//   kNotFound           NamespaceNotFound (26)
//   kUnimplemented      CommandNotFound (59): an older server
//   kInternal           any other error that the server answered
// ServerErrorCode() gives the number.
class Client {
 public:
  // Does not connect yet: the first command does. A request of `stop` is an Interrupt().
  static absl::StatusOr<std::unique_ptr<Client>> Create(const ConnectionOptions& options,
                                                        const HostAndPort& server,
                                                        const std::stop_token& stop = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends `command` to `database`, on a secondary too.
  absl::StatusOr<Reply> Run(std::string_view database, bson::View command);

  // As Run(), in a server session that is this client's own and always the same one: for a
  // transaction, whose commands must share one (the driver gives each of Run()'s any session).
  absl::StatusOr<Reply> RunInSession(std::string_view database, bson::View command);

  // Ends the call under way, and every later one, with kCancelled. From any thread.
  void Interrupt();

  // From now on no wait within a call is longer, whatever the socket timeout is.
  void LimitWaits(absl::Duration limit);
  // The same for a command that reads, given without its `readConcern`: majority-committed data
  // that is no older than `after`. A member that lags waits until it has caught up, for at most
  // the command's `maxTimeMS`; an idle primary writes a no-op into its oplog to get there (see
  // "Causal Consistency" in the server's replication README).
  absl::StatusOr<Reply> RunAfter(std::string_view database, bson::View command,
                                 const ClusterTime& after);

  const HostAndPort& server() const { return server_; }

 private:
  struct Connection;
  enum class Session { kAny, kOwn };
  absl::StatusOr<Reply> Send(std::string_view database, bson::View command, Session session);

  Client(HostAndPort server, std::unique_ptr<Connection> connection);

  const HostAndPort server_;
  const std::unique_ptr<Connection> connection_;
};

// The server's error number behind a status that Run() returned; 0 when there was none.
int ServerErrorCode(const absl::Status& status);

// What the server answered, all of it, where ServerErrorCode() is not 0; else empty.
bson::Document ServerErrorReply(const absl::Status& status);

// The driver, when it is loaded, puts counters for its monitor into /dev/shm. After a kill -9 they
// would stay there, and the next process of the same number would complain on standard error: call
// this first in main().
void UnlinkDriverCounters();

// Initialises the driver for the whole process, sends its log to ours, and cleans up at the end.
// Make one in main(), before the first Client: the driver cannot be initialised a second time.
class DriverScope {
 public:
  DriverScope();
  ~DriverScope();
  DriverScope(const DriverScope&) = delete;
  DriverScope& operator=(const DriverScope&) = delete;
};

}  // namespace shardtail::mongo

#endif  // SHARDTAIL_MONGO_CLIENT_H_
