#include "mongo/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardtail::mongo {
namespace {

using ::testing::HasSubstr;

class ClientTest : public ::testing::Test {
 private:
  DriverScope driver_;
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

TEST(HostAndPortTest, WritesIpv6InBrackets) {
  EXPECT_EQ((HostAndPort{"::1", 27017}.ToString()), "[::1]:27017");
  EXPECT_EQ((HostAndPort{"db.example", 27018}.ToString()), "db.example:27018");
}

}  // namespace
}  // namespace shardtail::mongo
