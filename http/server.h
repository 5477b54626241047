#ifndef SHARDTAIL_HTTP_SERVER_H_
#define SHARDTAIL_HTTP_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "http/options.h"

namespace shardtail::http {

// The views must stay valid only during the call of the handler.
struct Request {
  std::string_view method;  // in capitals: GET, HEAD, POST …
  std::string_view path;    // without the query, as it came: nothing is unescaped
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string allow;  // of a 405: the methods that are allowed
};

// What one client, or a thousand, may take.
struct Limits {
  size_t connections = 128;        // one more ends the one that has waited longest for its request
  size_t header_bytes = 16 << 10;  // more is answered with 431
  size_t body_bytes = 64 << 10;    // more is answered with 413; bodies are not used
  absl::Duration request = absl::Seconds(5);   // from its first byte to its last
  absl::Duration idle = absl::Seconds(60);     // from an answer to the next request's first byte
  absl::Duration response = absl::Seconds(5);  // until the client has taken it
};

// Serves HTTP/1.1 on one thread of its own. However slow clients are, or how many, it takes the
// same descriptors and memory, and answers those that are quick: a connection that is over its
// time is closed, and so is the oldest without a request when there are too many.
class Server {
 public:
  // Called on the server's thread, for one request at a time; must be quick. Of HEAD's response the
  // body is not sent.
  using Handler = std::function<Response(const Request& request)>;

  // Listens when it returns. kFailedPrecondition, naming http.host or http.port: the address is
  // taken, not allowed, or none of this machine.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options, Handler handler,
                                                       const Limits& limits = {});
  // Closes all connections at once.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // That it listens on.
  uint16_t port() const;
  // `http://host:port`, for the log.
  std::string url() const;

 private:
  struct Listener;
  class Connection;
  explicit Server(std::unique_ptr<Listener> listener);

  const std::unique_ptr<Listener> listener_;
};

}  // namespace shardtail::http

#endif  // SHARDTAIL_HTTP_SERVER_H_
