#include "http/server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace shardtail::http {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// One connection of a client that does as it likes.
class Client {
 public:
  explicit Client(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    // Only so that a test that fails ends.
    const timeval patience{.tv_sec = 30, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Client(Client&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), connected_(other.connected_) {}
  ~Client() {
    if (socket_ >= 0) ::close(socket_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  Client& operator=(Client&&) = delete;

  bool connected() const { return connected_; }
  // False when the server has closed.
  bool Send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // All until the server closes.
  std::string ReadAll() const {
    std::string all;
    std::array<char, 4096> part{};
    while (true) {
      const ssize_t size = ::recv(socket_, part.data(), part.size(), 0);
      if (size <= 0) return all;
      all.append(part.data(), static_cast<size_t>(size));
    }
  }
  // Until `end` has come.
  std::string ReadUntil(std::string_view end) const {
    std::string all;
    char byte = 0;
    while (!all.ends_with(end) && ::recv(socket_, &byte, 1, 0) == 1) all += byte;
    return all;
  }

 private:
  int socket_;
  bool connected_ = false;
};

Response Echo(const Request& request) {
  return {.body = fmt::format("{} {}.", request.method, request.path)};
}

std::unique_ptr<Server> StartServer(const Limits& limits = {}) {
  auto server = Server::Start({.host = "127.0.0.1", .port = 0}, Echo, limits);
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

std::string Ask(const Server& server, std::string_view request) {
  Client client(server.port());
  client.Send(request);
  return client.ReadAll();
}

TEST(ServerTest, AnswersWithMethodAndPath) {
  const auto server = StartServer();
  const std::string answer =
      Ask(*server, "GET /metrics?all=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nGET /metrics.")) << answer;
}

TEST(ServerTest, AnswersHeadWithoutABody) {
  const auto server = StartServer();
  const std::string answer = Ask(*server, "HEAD /a HTTP/1.0\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 8\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST(ServerTest, ServesSeveralRequestsOfAConnection) {
  const auto server = StartServer();
  Client client(server->port());
  // The second already before the first is answered.
  client.Send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
  EXPECT_THAT(client.ReadUntil("GET /1."), HasSubstr("GET /1."));
  EXPECT_THAT(client.ReadUntil("GET /2."), HasSubstr("GET /2."));
  client.Send("GET /3 HTTP/1.1\r\n\r\n");
  EXPECT_THAT(client.ReadUntil("GET /3."), HasSubstr("GET /3."));
}

TEST(ServerTest, RefusesABodyOverTheLimitAndLetsTheClientReadWhy) {
  const auto server = StartServer();
  Client client(server->port());
  client.Send("POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n");
  const std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 100 && client.Send(megabyte); ++i) {
  }
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 413 "));
}

TEST(ServerTest, RefusesABodyInChunksOverTheLimit) {
  const auto server = StartServer();
  std::string request = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) request += "2000\r\n" + std::string(0x2000, 'x') + "\r\n";
  EXPECT_THAT(Ask(*server, request), StartsWith("HTTP/1.1 413 "));
}

TEST(ServerTest, RefusesAHeaderOverTheLimit) {
  const auto server = StartServer();
  EXPECT_THAT(Ask(*server, "GET / HTTP/1.1\r\nX-Long: " + std::string(100000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
}

TEST(ServerTest, RefusesWhatIsNoRequest) {
  const auto server = StartServer();
  EXPECT_THAT(Ask(*server, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(*server, "GET / HTTP/1.1\r\nContent-Length: minus one\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(*server, "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(*server,
                  "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2"
                  "\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
}

TEST(ServerTest, ClosesAConnectionWhoseRequestTakesTooLong) {
  const auto server =
      StartServer({.request = absl::Milliseconds(50), .response = absl::Milliseconds(50)});
  Client silent(server->port());
  EXPECT_THAT(silent.ReadAll(), IsEmpty());
  Client slow(server->port());
  slow.Send("GET / HTTP/1.1\r\nX: ");
  // Each byte in time, all of them not.
  while (slow.Send("x")) {
  }
  EXPECT_THAT(slow.ReadAll(), Not(HasSubstr("200")));
}

TEST(ServerTest, ServesOthersWhileAThousandConnectionsSendNothing) {
  const auto server = StartServer({.connections = 20, .request = absl::Hours(1)});
  std::vector<Client> silent;
  for (int i = 0; i < 1000; ++i) {
    silent.emplace_back(server->port());
    ASSERT_TRUE(silent.back().connected());
    silent.back().Send("GET / HT");
  }
  EXPECT_THAT(Ask(*server, "GET /health HTTP/1.0\r\n\r\n"), HasSubstr("GET /health."));
  // The oldest were closed, and the newest live.
  EXPECT_THAT(silent.front().ReadAll(), IsEmpty());
  silent.back().Send("TP/1.0\r\n\r\n");
  EXPECT_THAT(silent.back().ReadAll(), HasSubstr("GET /."));
}

TEST(ServerTest, NamesThePropertyOfATakenPort) {
  const auto first = StartServer();
  const auto second = Server::Start({.host = "127.0.0.1", .port = first->port()}, Echo);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()),
              StartsWith(fmt::format("http.port {} of 127.0.0.1 is taken", first->port())));
}

TEST(ServerTest, NamesThePropertyOfAHostThatIsNotThisOne) {
  const auto other = Server::Start({.host = "192.0.2.1", .port = 0}, Echo);
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("http.host 192.0.2.1"));
  const auto unknown = Server::Start({.host = "no.such.host.invalid", .port = 0}, Echo);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("http.host 'no.such"));
}

}  // namespace
}  // namespace shardtail::http
