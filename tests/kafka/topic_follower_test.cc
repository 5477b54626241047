#include "kafka/topic_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "kafka/producer.h"
#include "tests/kafka/mock_cluster.h"

namespace shardtail::kafka {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(60);

class Deaf : public DeliveryListener {
 public:
  void OnDelivered(std::span<const uint64_t>) override {}
  void OnFailed(uint64_t, const absl::Status&) override {}
};

// The records that were handed over, as "key=value".
class Seen {
 public:
  void Add(const TopicRecord& record) {
    {
      const std::lock_guard lock(mutex_);
      records_.push_back(std::string(record.key.value_or("-")) + "=" +
                         std::string(record.value.value_or("-")));
    }
    changed_.notify_all();
  }
  // As soon as there are `count`.
  std::vector<std::string> Await(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(kTimeout),
                      [&] { return records_.size() >= count; });
    return records_;
  }

 private:
  std::mutex mutex_;  // guards records_
  std::condition_variable changed_;
  std::vector<std::string> records_;
};

class TopicFollowerTest : public testing::Test {
 protected:
  void Write(const std::string& key, std::string_view value) {
    ASSERT_TRUE((*producer_)->Send({.topic = "signals", .key = key, .value = value}, 1, {}).ok());
    ASSERT_TRUE((*producer_)->Flush(kTimeout).ok());
  }

  std::unique_ptr<TopicFollower> Follow(Seen& seen, const std::string& group) {
    auto follower = TopicFollower::Create(cluster_.options(), {.topic = "signals", .group = group},
                                          [&seen](const TopicRecord& record) {
                                            seen.Add(record);
                                            return absl::OkStatus();
                                          });
    EXPECT_TRUE(follower.ok()) << follower.status();
    return *std::move(follower);
  }

  MockCluster cluster_;
  Deaf deaf_;
  absl::StatusOr<std::unique_ptr<Producer>> producer_ = Producer::Create(cluster_.options(), deaf_);
};

TEST_F(TopicFollowerTest, HandsOverWhatIsThereAndWhatComes) {
  cluster_.CreateTopic("signals", 1);
  Write("a", "1");
  Seen seen;
  const auto follower = Follow(seen, "mine");
  EXPECT_THAT(seen.Await(1), testing::ElementsAre("a=1"));
  Write("a", "2");
  Write("b", "3");
  EXPECT_THAT(seen.Await(3), testing::ElementsAre("a=1", "a=2", "b=3"));
}

TEST_F(TopicFollowerTest, GoesOnWhereItsGroupStoodAndReadsWhatCameMeanwhile) {
  cluster_.CreateTopic("signals", 1);
  Write("a", "1");
  {
    Seen seen;
    const auto follower = Follow(seen, "mine");
    ASSERT_THAT(seen.Await(1), testing::ElementsAre("a=1"));
  }
  Write("a", "2");
  Seen seen;
  const auto follower = Follow(seen, "mine");
  EXPECT_THAT(seen.Await(1), testing::ElementsAre("a=2"));
}

TEST_F(TopicFollowerTest, ReadsEveryPartition) {
  cluster_.CreateTopic("signals", 4);
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) Write(key, "1");
  Seen seen;
  const auto follower = Follow(seen, "mine");
  EXPECT_THAT(seen.Await(6),
              testing::UnorderedElementsAre("a=1", "b=1", "c=1", "d=1", "e=1", "f=1"));
}

TEST_F(TopicFollowerTest, ComesBackWhenTheBrokerDoes) {
  cluster_.CreateTopic("signals", 1);
  cluster_.SetDown();
  Seen seen;
  const auto follower = Follow(seen, "mine");
  cluster_.SetUp();
  Write("a", "1");
  EXPECT_THAT(seen.Await(1), testing::ElementsAre("a=1"));
}

TEST_F(TopicFollowerTest, WhatCouldNotBeStoredComesAgain) {
  cluster_.CreateTopic("signals", 1);
  Write("a", "1");
  {
    Seen seen;
    const auto follower = TopicFollower::Create(
        cluster_.options(), {.topic = "signals", .group = "mine"}, [&](const TopicRecord& record) {
          cluster_.SetDown();
          seen.Add(record);
          return absl::OkStatus();
        });
    ASSERT_TRUE(follower.ok()) << follower.status();
    ASSERT_THAT(seen.Await(1), testing::ElementsAre("a=1"));
  }
  cluster_.SetUp();
  Seen seen;
  const auto follower = Follow(seen, "mine");
  EXPECT_THAT(seen.Await(1), testing::ElementsAre("a=1"));
}

TEST_F(TopicFollowerTest, EndsWithoutABroker) {
  const auto follower = TopicFollower::Create(NobodyThere(), {.topic = "signals", .group = "mine"},
                                              [](const TopicRecord&) {
                                                ADD_FAILURE();
                                                return absl::OkStatus();
                                              });
  EXPECT_TRUE(follower.ok()) << follower.status();
}

}  // namespace
}  // namespace shardtail::kafka
