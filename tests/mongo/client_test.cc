#include "mongo/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stop_token>
#include <thread>

#include "tests/mongo/driver.h"

namespace shardtail::mongo {
namespace {

using ::testing::HasSubstr;

// Takes connections and never answers, as a half-open one does.
class SilentServer {
 public:
  SilentServer() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(fd_, generic, length), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    EXPECT_EQ(getsockname(fd_, generic, &length), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() {
    if (connection_ >= 0) close(connection_);
    close(fd_);
  }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  HostAndPort address() const { return {"127.0.0.1", port_}; }

  // Returns when somebody has connected and asked something.
  void AwaitQuestion() {
    connection_ = accept(fd_, nullptr, nullptr);
    char byte = 0;
    EXPECT_EQ(recv(connection_, &byte, 1, 0), 1);
  }

 private:
  const int fd_;
  int connection_ = -1;
  int port_ = 0;
};

// Far longer than the test's own time limit.
ConnectionOptions Patient() {
  return {.connect_timeout = absl::Minutes(30), .socket_timeout = absl::Minutes(30)};
}

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() { StartDriver(); }
};

TEST_F(ClientTest, NobodyListeningIsUnavailableAndNamesTheServer) {
  // Port 1 of the loopback interface: refused at once on any machine.
  const auto client = Client::Create({.connect_timeout = absl::Seconds(2)}, {"127.0.0.1", 1});
  ASSERT_TRUE(client.ok()) << client.status();
  const auto reply = (*client)->Run("admin", bson::Builder().Int32("ping", 1).view());
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("ping on 127.0.0.1:1"));
  EXPECT_EQ(ServerErrorCode(reply.status()), 0);
}

TEST_F(ClientTest, APortOutOfRangeIsInvalid) {
  EXPECT_EQ(Client::Create({}, {"127.0.0.1", 70000}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ClientTest, AStopRequestEndsTheWaitForAnAnswer) {
  SilentServer server;
  std::stop_source stop;
  const auto client = Client::Create(Patient(), server.address(), stop.get_token());
  const std::jthread stopper([&] {
    server.AwaitQuestion();
    stop.request_stop();
  });
  const bson::Document ping = bson::Builder().Int32("ping", 1).Build();
  EXPECT_EQ((*client)->Run("admin", ping).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ((*client)->Run("admin", ping).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(ClientTest, AnotherThreadInterruptsIt) {
  SilentServer server;
  const auto client = Client::Create(Patient(), server.address());
  const std::jthread other([&] {
    server.AwaitQuestion();
    (*client)->Interrupt();
  });
  EXPECT_EQ((*client)->Run("admin", bson::Builder().Int32("ping", 1).view()).status().code(),
            absl::StatusCode::kCancelled);
}

TEST(HostAndPortTest, WritesIpv6InBrackets) {
  EXPECT_EQ((HostAndPort{"::1", 27017}.ToString()), "[::1]:27017");
  EXPECT_EQ((HostAndPort{"db.example", 27018}.ToString()), "db.example:27018");
}

}  // namespace
}  // namespace shardtail::mongo
