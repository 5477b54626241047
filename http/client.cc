#include "http/client.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <exception>
#include <utility>

#include "base/status_macros.h"

namespace shardtail::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using ErrorCode = boost::system::error_code;
using asio::ip::tcp;

constexpr std::string_view kScheme = "http://";
constexpr int kHttp11 = 11;

struct Target {
  std::string host;
  std::string port = "80";
  std::string path = "/";
};

absl::StatusOr<Target> ParseUrl(std::string_view url) {
  const absl::Status wrong = absl::InvalidArgumentError(
      fmt::format("'{}' is no URL of the form http://host:port/path", url));
  if (!url.starts_with(kScheme)) return wrong;
  std::string_view rest = url.substr(kScheme.size());
  Target target;
  if (const size_t slash = rest.find('/'); slash != std::string_view::npos) {
    target.path = rest.substr(slash);
    rest = rest.substr(0, slash);
  }
  // An IPv6 address stands in brackets.
  const size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
  if (bracket == std::string_view::npos) return wrong;
  if (const size_t colon = rest.find(':', bracket); colon != std::string_view::npos) {
    target.port = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  target.host = rest.starts_with('[') ? rest.substr(1, rest.size() - 2) : rest;
  if (target.host.empty() || target.port.empty()) return wrong;
  return target;
}

absl::Status ToStatus(const ErrorCode& error, std::string_view url, absl::Duration timeout) {
  if (error == beast::error::timeout) {
    return absl::DeadlineExceededError(
        fmt::format("{} does not answer within {}", url, absl::FormatDuration(timeout)));
  }
  return absl::UnavailableError(fmt::format("{} does not answer: {}", url, error.message()));
}

}  // namespace

absl::StatusOr<Answer> Get(std::string_view url, absl::Duration timeout) {
  SHARDTAIL_ASSIGN_OR_RETURN(const Target target, ParseUrl(url));
  try {
    asio::io_context io{1};
    ErrorCode error;
    tcp::resolver resolver(io);
    const auto found = resolver.resolve(target.host, target.port, error);
    if (error) return ToStatus(error, url, timeout);

    beast::tcp_stream stream(io);
    beast::http::request<beast::http::empty_body> request{beast::http::verb::get, target.path,
                                                          kHttp11};
    request.set(beast::http::field::host, target.host);
    request.keep_alive(false);
    beast::flat_buffer buffer;
    beast::http::response<beast::http::string_body> response;
    // Only what is asynchronous knows a deadline.
    stream.expires_after(absl::ToChronoNanoseconds(timeout));
    stream.async_connect(found, [&](const ErrorCode& connected, const tcp::endpoint&) {
      if ((error = connected)) return;
      beast::http::async_write(stream, request, [&](const ErrorCode& written, size_t) {
        if ((error = written)) return;
        beast::http::async_read(stream, buffer, response,
                                [&](const ErrorCode& read, size_t) { error = read; });
      });
    });
    io.run();
    if (error) return ToStatus(error, url, timeout);
    return Answer{.status = static_cast<int>(response.result_int()),
                  .body = std::move(response.body())};
  } catch (const std::exception& thrown) {
    return absl::UnavailableError(fmt::format("{} cannot be asked: {}", url, thrown.what()));
  }
}

}  // namespace shardtail::http
