#include "mongo/socket_stream.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/handle.h"

namespace shardtail::mongo {
namespace {

using AddressesHandle = base::Handle<addrinfo, freeaddrinfo>;
using SteadyClock = std::chrono::steady_clock;

constexpr int kKeepAliveIdleSeconds = 10;
constexpr int kKeepAliveIntervalSeconds = 5;
constexpr int kKeepAliveProbes = 3;
constexpr int kUserTimeoutMs = 20'000;

// None of the driver's own types, which start at 1.
constexpr int kStreamType = 0x5354;

// When a wait that the driver limits to `timeout_ms` (negative: not at all) is over.
class Deadline {
 public:
  Deadline(int32_t timeout_ms, int32_t limit_ms)
      : at_(SteadyClock::now() +
            std::chrono::milliseconds(timeout_ms < 0 ? limit_ms : std::min(timeout_ms, limit_ms))) {
  }

  int left_ms() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_ - SteadyClock::now());
    return static_cast<int>(std::max<int64_t>(left.count(), 0));
  }

 private:
  const SteadyClock::time_point at_;
};

// 0, or the errno that ended the wait: ECANCELED, ETIMEDOUT.
int WaitFor(int fd, int16_t events, const Deadline& deadline, const Interrupt& interrupt) {
  std::array<pollfd, 2> waits{{{.fd = fd, .events = events, .revents = 0},
                               {.fd = interrupt.fd(), .events = POLLIN, .revents = 0}}};
  while (true) {
    const int ready = poll(waits.data(), waits.size(), deadline.left_ms());
    if (ready < 0 && errno != EINTR) return errno;
    if (ready == 0) return ETIMEDOUT;
    if (ready > 0) return waits[1].revents != 0 ? ECANCELED : 0;
  }
}

// A connected socket in the driver's form: its functions get the first member's address.
struct SocketStream {
  mongoc_stream_t base;
  int fd;
  int error;  // of the last call
  Waits* waits;
};

SocketStream& Of(mongoc_stream_t* stream) { return *reinterpret_cast<SocketStream*>(stream); }

ssize_t Fail(SocketStream& stream, int error) {
  if (error != EAGAIN) stream.waits->cut = true;
  stream.error = error;
  errno = error;
  return -1;
}

int Close(mongoc_stream_t* base) {
  SocketStream& stream = Of(base);
  if (stream.fd < 0) return 0;
  return close(std::exchange(stream.fd, -1));
}

void Destroy(mongoc_stream_t* base) {
  Close(base);
  delete &Of(base);
}

int Flush(mongoc_stream_t*) { return 0; }

// What is left of `iov` after `done` bytes, as a message for sendmsg() and recvmsg().
std::vector<iovec> Rest(const mongoc_iovec_t* iov, size_t count, size_t done) {
  std::vector<iovec> rest;
  for (size_t i = 0; i < count; ++i) {
    const size_t skipped = std::min(done, iov[i].iov_len);
    done -= skipped;
    if (iov[i].iov_len == skipped) continue;
    rest.push_back({static_cast<char*>(iov[i].iov_base) + skipped, iov[i].iov_len - skipped});
  }
  return rest;
}

ssize_t Write(mongoc_stream_t* base, mongoc_iovec_t* iov, size_t count, int32_t timeout_ms) {
  SocketStream& stream = Of(base);
  const Deadline deadline(timeout_ms, stream.waits->limit_ms);
  size_t done = 0;
  while (true) {
    std::vector<iovec> rest = Rest(iov, count, done);
    if (rest.empty()) return static_cast<ssize_t>(done);
    msghdr message{};
    message.msg_iov = rest.data();
    message.msg_iovlen = rest.size();
    const ssize_t sent = sendmsg(stream.fd, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      done += static_cast<size_t>(sent);
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) return Fail(stream, errno);
    if (timeout_ms == 0) return done > 0 ? static_cast<ssize_t>(done) : Fail(stream, EAGAIN);
    if (const int error = WaitFor(stream.fd, POLLOUT, deadline, stream.waits->interrupt);
        error != 0) {
      return Fail(stream, error);
    }
  }
}

ssize_t Read(mongoc_stream_t* base, mongoc_iovec_t* iov, size_t count, size_t min_bytes,
             int32_t timeout_ms) {
  SocketStream& stream = Of(base);
  const Deadline deadline(timeout_ms, stream.waits->limit_ms);
  size_t done = 0;
  while (true) {
    std::vector<iovec> rest = Rest(iov, count, done);
    if (rest.empty() || (done > 0 && done >= min_bytes)) return static_cast<ssize_t>(done);
    msghdr message{};
    message.msg_iov = rest.data();
    message.msg_iovlen = rest.size();
    const ssize_t received = recvmsg(stream.fd, &message, 0);
    if (received > 0) {
      done += static_cast<size_t>(received);
      continue;
    }
    // The end of the stream is a failure without an errno for the driver.
    if (received == 0) return Fail(stream, 0);
    if (errno != EAGAIN && errno != EINTR) return Fail(stream, errno);
    if (timeout_ms == 0) return Fail(stream, EAGAIN);
    if (const int error = WaitFor(stream.fd, POLLIN, deadline, stream.waits->interrupt);
        error != 0) {
      return Fail(stream, error);
    }
  }
}

int SetSocketOption(mongoc_stream_t* base, int level, int name, void* value,
                    mongoc_socklen_t length) {
  return setsockopt(Of(base).fd, level, name, value, length);
}

bool IsClosed(mongoc_stream_t* base) {
  char byte = 0;
  const ssize_t peeked = recv(Of(base).fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return peeked == 0 || (peeked < 0 && errno != EAGAIN && errno != EINTR);
}

// The driver gives streams of one kind only, and one for each of its servers: here one.
ssize_t Poll(mongoc_stream_poll_t* streams, size_t count, int32_t timeout_ms) {
  std::vector<pollfd> waits;
  waits.reserve(count + 1);
  for (size_t i = 0; i < count; ++i) {
    waits.push_back({.fd = Of(streams[i].stream).fd,
                     .events = static_cast<int16_t>(streams[i].events),
                     .revents = 0});
  }
  waits.push_back(
      {.fd = Of(streams[0].stream).waits->interrupt.fd(), .events = POLLIN, .revents = 0});
  const ssize_t ready = poll(waits.data(), waits.size(), timeout_ms);
  // Interrupted: what the driver waits for is "there", and its next read or write fails.
  const bool interrupted = waits.back().revents != 0;
  for (size_t i = 0; i < count; ++i) {
    streams[i].revents = interrupted ? streams[i].events : waits[i].revents;
  }
  return interrupted ? static_cast<ssize_t>(count) : ready;
}

bool TimedOut(mongoc_stream_t* base) { return Of(base).error == ETIMEDOUT; }

bool ShouldRetry(mongoc_stream_t* base) {
  return Of(base).error == EAGAIN && !Of(base).waits->interrupt.is_set();
}

mongoc_stream_t* MakeStream(int fd, Waits& waits) {
  auto* stream = new SocketStream{.base = {}, .fd = fd, .error = 0, .waits = &waits};
  stream->base.type = kStreamType;
  stream->base.destroy = Destroy;
  stream->base.close = Close;
  stream->base.flush = Flush;
  stream->base.writev = Write;
  stream->base.readv = Read;
  stream->base.setsockopt = SetSocketOption;
  stream->base.check_closed = IsClosed;
  stream->base.poll = Poll;
  stream->base.failed = Destroy;
  stream->base.timed_out = TimedOut;
  stream->base.should_retry = ShouldRetry;
  return &stream->base;
}

void SetOptions(int fd) {
  const auto set = [fd](int level, int name, int value) {
    // Best effort: a connection without one of them still works.
    (void)!setsockopt(fd, level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
}

// A socket that is connected to `address`, or the errno, negative.
int Connect(const addrinfo& address, int32_t timeout_ms, const Waits& waits) {
  const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  SetOptions(fd);
  int error = connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    error = WaitFor(fd, POLLOUT, Deadline(timeout_ms, waits.limit_ms), waits.interrupt);
    socklen_t length = sizeof error;
    if (error == 0) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  }
  if (error == 0) return fd;
  close(fd);
  return -error;
}

void SetError(bson_error_t* error, const std::string& what) {
  bson_set_error(error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_CONNECT, "%s", what.c_str());
}

mongoc_stream_t* ConnectTcp(const mongoc_host_list_t& host, int32_t timeout_ms, Waits& waits,
                            bson_error_t* error) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed = getaddrinfo(host.host, std::to_string(host.port).c_str(), &hints, &found);
      failed != 0) {
    SetError(error, std::string("cannot resolve ") + host.host + ": " + gai_strerror(failed));
    return nullptr;
  }
  const AddressesHandle addresses(found);
  int last = EADDRNOTAVAIL;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int fd = Connect(*address, timeout_ms, waits);
    if (fd >= 0) return MakeStream(fd, waits);
    last = -fd;
    if (last == ECANCELED) break;
  }
  std::array<char, 128> text{};
  SetError(error, last == ETIMEDOUT ? "connection timeout"
                                    : std::string(strerror_r(last, text.data(), text.size())));
  return nullptr;
}

// What the driver itself takes from the URI for its own sockets.
mongoc_ssl_opt_t TlsOptions(const mongoc_uri_t* uri) {
  const bool insecure = mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSINSECURE, false);
  mongoc_ssl_opt_t options{};
  options.pem_file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILE, nullptr);
  options.pem_pwd =
      mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD, nullptr);
  options.ca_file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCAFILE, nullptr);
  options.weak_cert_validation =
      insecure || mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDCERTIFICATES, false);
  options.allow_invalid_hostname =
      insecure || mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDHOSTNAMES, false);
  return options;
}

}  // namespace

mongoc_stream_t* ConnectInterruptibly(const mongoc_uri_t* uri, const mongoc_host_list_t* host,
                                      void* waits, bson_error_t* error) {
  const int32_t timeout_ms =
      mongoc_uri_get_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, 10'000);
  mongoc_stream_t* socket = ConnectTcp(*host, timeout_ms, *static_cast<Waits*>(waits), error);
  if (socket == nullptr || !mongoc_uri_get_tls(uri)) return socket;
  mongoc_ssl_opt_t options = TlsOptions(uri);
  mongoc_stream_t* tls = mongoc_stream_tls_new_with_hostname(socket, host->host, &options, 1);
  if (tls == nullptr) {
    mongoc_stream_destroy(socket);
    SetError(error, "TLS cannot be set up: is each certificate file there, readable and PEM?");
    return nullptr;
  }
  if (!mongoc_stream_tls_handshake_block(tls, host->host, timeout_ms, error)) {
    mongoc_stream_destroy(tls);
    return nullptr;
  }
  return tls;
}

}  // namespace shardtail::mongo
