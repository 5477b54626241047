#include "http/server.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <exception>
#include <list>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using ErrorCode = boost::system::error_code;
using asio::ip::tcp;

// Where the process has no descriptor left for another connection.
constexpr std::chrono::seconds kAcceptPause(1);

constexpr int kBadRequest = 400;
constexpr int kBodyTooLarge = 413;
constexpr int kHeaderTooLarge = 431;

std::string_view ToView(beast::string_view text) { return {text.data(), text.size()}; }

// What to answer to what cannot be read; none: the client is gone, or over its time.
std::optional<Response> AnswerTo(const ErrorCode& error, const Limits& limits) {
  if (error == beast::http::error::body_limit) {
    return Response{.status = kBodyTooLarge,
                    .body = fmt::format("a body has at most {} bytes\n", limits.body_bytes)};
  }
  if (error == beast::http::error::header_limit || error == beast::http::error::buffer_overflow) {
    return Response{.status = kHeaderTooLarge,
                    .body = fmt::format("a header has at most {} bytes\n", limits.header_bytes)};
  }
  if (error == beast::http::error::end_of_stream || error == beast::http::error::partial_message) {
    return std::nullopt;
  }
  if (error.category() == beast::http::make_error_code(beast::http::error::bad_method).category()) {
    return Response{.status = kBadRequest, .body = "this is no HTTP request\n"};
  }
  return std::nullopt;
}

absl::Status CannotListen(const Options& options, const ErrorCode& error) {
  if (error == asio::error::address_in_use) {
    return absl::FailedPreconditionError(fmt::format(
        "http.port {} of {} is taken by another process: give another http.port, 0 for any that is "
        "free, or -1 for no HTTP server",
        options.port, options.host));
  }
  return absl::FailedPreconditionError(
      fmt::format("cannot listen on http.host {} and http.port {}: {}", options.host, options.port,
                  error.message()));
}

}  // namespace

// All of it belongs to the server's thread, once that runs.
struct Server::Listener {
  Listener(Handler handle, const Limits& allowed)
      : handler(std::move(handle)), limits(allowed), acceptor(io), pause(io) {}

  absl::Status Listen(const Options& options);
  void Accept();
  void Admit(tcp::socket socket);

  const Handler handler;
  const Limits limits;
  // Before the context, which holds the connections: they leave these as they go.
  size_t connections = 0;
  std::list<Connection*> waiting;  // for a request, or for its client to close; the oldest first
  asio::io_context io{1};
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  tcp::endpoint endpoint;
  std::jthread thread;
};

// Lives as long as one of its callbacks is to come.
class Server::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Listener& listener, tcp::socket socket)
      : listener_(listener),
        stream_(std::move(socket)),
        buffer_(listener.limits.header_bytes + listener.limits.body_bytes) {
    ++listener_.connections;
    place_ = listener_.waiting.end();
  }
  ~Connection() {
    StopWaiting();
    --listener_.connections;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The first request must come at once.
  void Start() {
    Wait();
    ReadRequest();
  }

  // Ends it; a callback then sees the error.
  void Close() {
    StopWaiting();
    stream_.close();
  }

 private:
  void Wait() {
    StopWaiting();
    place_ = listener_.waiting.insert(listener_.waiting.end(), this);
  }
  void StopWaiting() {
    if (place_ == listener_.waiting.end()) return;
    listener_.waiting.erase(place_);
    place_ = listener_.waiting.end();
  }
  void Allow(absl::Duration time) { stream_.expires_after(absl::ToChronoNanoseconds(time)); }

  void AwaitNextRequest() {
    Wait();
    if (buffer_.size() > 0) return ReadRequest();
    Allow(listener_.limits.idle);
    stream_.async_read_some(buffer_.prepare(kChunk),
                            [self = shared_from_this()](const ErrorCode& error, size_t size) {
                              if (error) return;
                              self->buffer_.commit(size);
                              self->ReadRequest();
                            });
  }

  void ReadRequest() {
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(listener_.limits.header_bytes));
    parser_->body_limit(listener_.limits.body_bytes);
    // For all of it together: a client that sends a byte now and then gains nothing.
    Allow(listener_.limits.request);
    beast::http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](const ErrorCode& error, size_t) { self->Handle(error); });
  }

  void Handle(const ErrorCode& error) {
    StopWaiting();
    if (error) {
      std::optional<Response> answer = AnswerTo(error, listener_.limits);
      if (answer.has_value()) Answer(*std::move(answer), false, false);
      return;
    }
    const auto& request = parser_->get();
    const std::string_view target = ToView(request.target());
    Response response = listener_.handler(
        {.method = ToView(request.method_string()), .path = target.substr(0, target.find('?'))});
    Answer(std::move(response), request.method() == beast::http::verb::head, request.keep_alive());
  }

  void Answer(Response response, bool head, bool keep_alive) {
    answer_ = {};
    answer_.version(11);
    answer_.result(static_cast<unsigned>(response.status));
    answer_.set(beast::http::field::content_type, response.content_type);
    answer_.set(beast::http::field::cache_control, "no-store");
    if (!response.allow.empty()) answer_.set(beast::http::field::allow, response.allow);
    answer_.keep_alive(keep_alive);
    answer_.content_length(response.body.size());
    if (!head) answer_.body() = std::move(response.body);
    Allow(listener_.limits.response);
    beast::http::async_write(
        stream_, answer_, [self = shared_from_this(), keep_alive](const ErrorCode& error, size_t) {
          if (error) return;
          if (keep_alive) return self->AwaitNextRequest();
          self->Finish();
        });
  }

  // What the client still sends is read and dropped for a while: closing at once would reset the
  // connection, and the client might never see the answer.
  void Finish() {
    ErrorCode ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    Wait();
    Allow(listener_.limits.response);
    Drop();
  }

  void Drop() {
    stream_.async_read_some(asio::buffer(dropped_),
                            [self = shared_from_this()](const ErrorCode& error, size_t) {
                              if (!error) self->Drop();
                            });
  }

  static constexpr size_t kChunk = 4096;

  Listener& listener_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  beast::http::response<beast::http::string_body> answer_;
  std::array<char, kChunk> dropped_{};
  std::list<Connection*>::iterator place_;  // in the listener's; its end: it does not wait
};

absl::Status Server::Listener::Listen(const Options& options) {
  ErrorCode error;
  tcp::resolver resolver(io);
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
  if (error || found.empty()) {
    return absl::FailedPreconditionError(fmt::format(
        "http.host '{}' is no address or name of this machine: {}", options.host, error.message()));
  }
  const tcp::endpoint wanted = found.begin()->endpoint();
  acceptor.open(wanted.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(wanted, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) endpoint = acceptor.local_endpoint(error);
  return error ? CannotListen(options, error) : absl::OkStatus();
}

void Server::Listener::Accept() {
  acceptor.async_accept([this](const ErrorCode& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      Admit(std::move(socket));
      return Accept();
    }
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](const ErrorCode& stopped) {
      if (!stopped) Accept();
    });
  });
}

void Server::Listener::Admit(tcp::socket socket) {
  if (connections >= limits.connections) {
    if (waiting.empty()) return;  // the new one is closed
    waiting.front()->Close();
  }
  std::make_shared<Connection>(*this, std::move(socket))->Start();
}

Server::Server(std::unique_ptr<Listener> listener) : listener_(std::move(listener)) {
  listener_->Accept();
  listener_->thread = std::jthread([listener = listener_.get()] {
    const base::ScopedLogContext context("http");
    while (!listener->io.stopped()) {
      try {
        listener->io.run();
      } catch (const std::exception& error) {  // of one connection's memory; the others go on
        base::LogError("a request to the HTTP server failed: {}", error.what());
      }
    }
  });
}

Server::~Server() {
  listener_->io.stop();
  listener_->thread.join();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options, Handler handler,
                                                      const Limits& limits) {
  try {
    auto listener = std::make_unique<Listener>(std::move(handler), limits);
    SHARDTAIL_RETURN_IF_ERROR(listener->Listen(options));
    return std::unique_ptr<Server>(new Server(std::move(listener)));
  } catch (const std::exception& error) {
    return absl::ResourceExhaustedError(
        fmt::format("cannot start the HTTP server: {}", error.what()));
  }
}

uint16_t Server::port() const { return listener_->endpoint.port(); }

std::string Server::url() const {
  const auto address = listener_->endpoint.address();
  const std::string host = address.to_string();
  return fmt::format("http://{}:{}", address.is_v6() ? "[" + host + "]" : host, port());
}

}  // namespace shardtail::http
