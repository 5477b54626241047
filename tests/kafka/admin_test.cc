#include "kafka/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kafka/mock_cluster.h"

namespace shardtail::kafka {
namespace {

using testing::HasSubstr;

TEST(Admin, NamesTheBrokers) {
  const MockCluster cluster;
  const auto admin = Admin::Create(cluster.options());
  ASSERT_TRUE(admin.ok()) << admin.status();
  const auto brokers = (*admin)->Brokers(absl::Seconds(30), {});
  ASSERT_TRUE(brokers.ok()) << brokers.status();
  EXPECT_THAT(*brokers, testing::ElementsAre(cluster.options().bootstrap_servers));
}

TEST(Admin, SaysThatNoBrokerAnsweredWhereAndWhy) {
  const auto admin = Admin::Create(NobodyThere());
  ASSERT_TRUE(admin.ok()) << admin.status();
  const absl::Status asked = (*admin)->Brokers(absl::Milliseconds(500), {}).status();
  EXPECT_EQ(asked.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(
      std::string(asked.message()),
      testing::AllOf(HasSubstr("no broker at bootstrap.servers 127.0.0.1:1 answered in 500ms"),
                     HasSubstr("Connection refused; check the addresses")));
}

TEST(Admin, AStopRequestEndsTheWaitForABroker) {
  const auto admin = Admin::Create(NobodyThere());
  ASSERT_TRUE(admin.ok()) << admin.status();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ((*admin)->Brokers(absl::Hours(1), stop.get_token()).status().code(),
            absl::StatusCode::kCancelled);
}

TEST(Admin, DescribesATopic) {
  MockCluster cluster;
  cluster.CreateTopic("offsets", 25);
  const auto admin = Admin::Create(cluster.options());
  const auto topic = (*admin)->Describe("offsets", absl::Seconds(30));
  ASSERT_TRUE(topic.ok()) << topic.status();
  ASSERT_TRUE(topic->has_value());
  EXPECT_EQ((*topic)->partitions, 25);
  EXPECT_EQ((*topic)->replication_factor, 1);
}

TEST(Admin, SaysWhatCouldNotBeDoneInTime) {
  const MockCluster cluster;  // it never answers such a request
  const auto admin = Admin::Create(cluster.options());
  const absl::Status made = (*admin)->CreateTopic(
      {.name = "t", .partitions = 2, .replication_factor = 1, .configuration = {}},
      absl::Milliseconds(100));
  EXPECT_EQ(made.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(made.message()),
              HasSubstr("cannot create topic t with 2 partitions and 1 replicas"));
  const absl::Status asked = (*admin)->CleanupPolicy("t", absl::Milliseconds(100)).status();
  EXPECT_THAT(std::string(asked.message()), HasSubstr("the configuration of topic t"));
}

}  // namespace
}  // namespace shardtail::kafka
