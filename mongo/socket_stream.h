#ifndef SHARDTAIL_MONGO_SOCKET_STREAM_H_
#define SHARDTAIL_MONGO_SOCKET_STREAM_H_

#include <mongoc/mongoc.h>

#include <cstdint>
#include <limits>

#include "mongo/interrupt.h"

namespace shardtail::mongo {

// How long a connection's calls may wait, and whether they failed. `interrupt` may be set by any
// thread; the others belong to the thread of the client.
struct Waits {
  Interrupt interrupt;
  int32_t limit_ms = std::numeric_limits<int32_t>::max();  // beside the driver's own timeouts
  bool cut = false;  // set when a read or a write failed: the driver does not always say so
};

// Connects to `host` for mongoc_client_set_stream_initiator(), with TLS as `uri` says; `waits` is a
// Waits, which must outlive the stream. The driver's own sockets cannot be interrupted; these can,
// while they connect, shake hands, read and write (not while a name is being resolved).
//
// They find a peer that is gone without a word (its machine lost power, a firewall dropped the
// connection) within 25 seconds, by TCP's keepalive and TCP_USER_TIMEOUT, however long the driver's
// own timeouts are. A peer that is only slow goes on acknowledging, and is waited for.
//
// Returns null and sets `error` (MONGOC_ERROR_STREAM) where that fails.
mongoc_stream_t* ConnectInterruptibly(const mongoc_uri_t* uri, const mongoc_host_list_t* host,
                                      void* waits, bson_error_t* error);

}  // namespace shardtail::mongo

#endif  // SHARDTAIL_MONGO_SOCKET_STREAM_H_
