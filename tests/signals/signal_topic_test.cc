#include "signals/signal_topic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "kafka/producer.h"
#include "tests/kafka/mock_cluster.h"

namespace shardtail::signals {
namespace {

using ::testing::ElementsAre;

constexpr absl::Duration kTimeout = absl::Seconds(60);

class Deaf : public kafka::DeliveryListener {
 public:
  void OnDelivered(std::span<const uint64_t>) override {}
  void OnFailed(uint64_t, const absl::Status&) override {}
};

// The ids of the signals that were taken.
class Taken {
 public:
  void Add(const Signal& signal) {
    {
      const std::lock_guard lock(mutex_);
      ids_.push_back(signal.id);
    }
    changed_.notify_all();
  }
  // As soon as `id` is among them.
  std::vector<std::string> Await(const std::string& id) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(kTimeout),
                      [&] { return !ids_.empty() && ids_.back() == id; });
    return ids_;
  }

 private:
  std::mutex mutex_;  // guards ids_
  std::condition_variable changed_;
  std::vector<std::string> ids_;
};

class SignalTopicTest : public testing::Test {
 protected:
  SignalTopicTest() { cluster_.CreateTopic("shop-signal", 1); }

  void Write(const std::string& key, std::optional<std::string_view> value) {
    ASSERT_TRUE(
        (*producer_)->Send({.topic = "shop-signal", .key = key, .value = value}, 1, {}).ok());
    ASSERT_TRUE((*producer_)->Flush(kTimeout).ok());
  }
  void Stop(const std::string& key, const std::string& id) {
    Write(key, R"({"id": ")" + id + R"(", "type": "stop-snapshot"})");
  }

  std::unique_ptr<SignalTopic> Open(Taken& taken) {
    auto topic = SignalTopic::Create({.topic = "shop-signal",
                                      .group = "shop-signal",
                                      .logical_name = "shop",
                                      .kafka = cluster_.options()},
                                     [&taken](const Signal& signal) {
                                       taken.Add(signal);
                                       return absl::OkStatus();
                                     });
    EXPECT_TRUE(topic.ok()) << topic.status();
    return *std::move(topic);
  }

  kafka::MockCluster cluster_;
  Deaf deaf_;
  absl::StatusOr<std::unique_ptr<kafka::Producer>> producer_ =
      kafka::Producer::Create(cluster_.options(), deaf_);
};

TEST_F(SignalTopicTest, TakesTheSignalsOfItsConnectorAndPassesOverWhatItCannotRead) {
  Taken taken;
  const auto topic = Open(taken);
  Stop("other", "of another connector");
  Write("shop", std::nullopt);
  Write("shop", "{");
  Write("shop", R"({"id": "2", "type": "schema-changes"})");
  Stop("shop", "3");
  EXPECT_THAT(taken.Await("3"), ElementsAre("3"));
  EXPECT_EQ(topic->metrics().refused.value(), 2);
}

TEST_F(SignalTopicTest, ASignalThatWasGivenWhileNobodyRanIsTakenOnceAtTheNextStart) {
  {
    Taken taken;
    const auto topic = Open(taken);
    Stop("shop", "1");
    ASSERT_THAT(taken.Await("1"), ElementsAre("1"));
  }
  Stop("shop", "2");
  {
    Taken taken;
    const auto topic = Open(taken);
    ASSERT_THAT(taken.Await("2"), ElementsAre("2"));
  }
  Stop("shop", "3");
  Taken taken;
  const auto topic = Open(taken);
  EXPECT_THAT(taken.Await("3"), ElementsAre("3"));
}

TEST(SignalTopicOptionsTest, MistakesOfTheConsumersPropertiesAreTold) {
  kafka::Options kafka = kafka::NobodyThere();
  kafka.common = {{"security.protocol", "loud"}};
  EXPECT_EQ(SignalTopic::Create({.topic = "t", .group = "g", .logical_name = "n", .kafka = kafka},
                                [](const Signal&) { return absl::OkStatus(); })
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace shardtail::signals
