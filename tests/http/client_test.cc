#include "http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"

namespace shardtail::http {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(30);

TEST(ClientTest, ReadsWhatTheServerAnswers) {
  const auto server = Server::Start({.port = 0}, [](const Request& request) {
    return Response{.status = request.path == "/well" ? 200 : 503, .body = "as it is\n"};
  });
  ASSERT_TRUE(server.ok());
  const auto well = Get((*server)->url() + "/well", kPatience);
  ASSERT_TRUE(well.ok()) << well.status();
  EXPECT_EQ(well->status, 200);
  EXPECT_EQ(well->body, "as it is\n");
  EXPECT_EQ(Get((*server)->url(), kPatience)->status, 503);
}

TEST(ClientTest, NobodyThereIsAnErrorThatNamesTheUrl) {
  std::string url;
  {
    const auto server = Server::Start({.port = 0}, [](const Request&) { return Response(); });
    ASSERT_TRUE(server.ok());
    url = (*server)->url();
  }
  const auto answer = Get(url, kPatience);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(answer.status().message()), HasSubstr(url + " does not answer: "));
}

TEST(ClientTest, DoesNotWaitForever) {
  // A socket that listens and accepts nobody: the kernel alone answers.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto answer =
      Get("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)), absl::Milliseconds(10));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kDeadlineExceeded) << answer.status();
  ::close(listener);
}

TEST(ClientTest, OtherUrlsAreRefused) {
  for (const char* url : {"", "/", "localhost:8083", "https://localhost", "http://", "http:///x",
                          "http://:80/", "http://host:/", "http://[::1"}) {
    EXPECT_EQ(Get(url, kPatience).status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
}

}  // namespace
}  // namespace shardtail::http
