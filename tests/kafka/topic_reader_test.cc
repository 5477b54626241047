#include "kafka/topic_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "kafka/producer.h"
#include "tests/kafka/mock_cluster.h"

namespace shardtail::kafka {
namespace {

using testing::HasSubstr;

constexpr absl::Duration kTimeout = absl::Seconds(30);

class Deaf : public DeliveryListener {
 public:
  void OnDelivered(std::span<const uint64_t>) override {}
  void OnFailed(uint64_t, const absl::Status&) override {}
};

class TopicReaderTest : public testing::Test {
 protected:
  void Write(const std::string& key, std::optional<std::string_view> value, int32_t partition) {
    ASSERT_TRUE(
        (*producer_)
            ->Send({.topic = "table", .key = key, .value = value, .partition = partition}, 1, {})
            .ok());
    ASSERT_TRUE((*producer_)->Flush(kTimeout).ok());
  }

  absl::StatusOr<std::vector<std::string>> Read(const std::string& topic) {
    std::vector<std::string> found;
    const absl::Status read =
        (*reader_)->ReadAll(topic, kTimeout, [&found](const TopicRecord& record) {
          found.push_back(std::string(record.key.value_or("-")) + "=" +
                          std::string(record.value.value_or("-")) + "@" +
                          std::to_string(record.partition));
          return absl::OkStatus();
        });
    if (!read.ok()) return read;
    return found;
  }

  MockCluster cluster_;
  Deaf deaf_;
  absl::StatusOr<std::unique_ptr<Producer>> producer_ = Producer::Create(cluster_.options(), deaf_);
  absl::StatusOr<std::unique_ptr<TopicReader>> reader_ = TopicReader::Create(cluster_.options());
};

TEST_F(TopicReaderTest, ReadsEveryPartitionInItsOrder) {
  cluster_.CreateTopic("table", 25);
  Write("a", "1", 3);
  Write("a", "2", 3);
  Write("b", "1", 24);
  Write("a", std::nullopt, 3);
  const auto found = Read("table");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(*found, testing::UnorderedElementsAre("a=1@3", "a=2@3", "b=1@24", "a=-@3"));
}

TEST_F(TopicReaderTest, FindsNothingInAnEmptyTopic) {
  cluster_.CreateTopic("table", 3);
  EXPECT_THAT(*Read("table"), testing::IsEmpty());
}

TEST_F(TopicReaderTest, ReadsAnewEachTime) {
  cluster_.CreateTopic("table", 1);
  Write("a", "1", 0);
  EXPECT_THAT(*Read("table"), testing::ElementsAre("a=1@0"));
  Write("a", "2", 0);
  EXPECT_THAT(*Read("table"), testing::ElementsAre("a=1@0", "a=2@0"));
}

TEST_F(TopicReaderTest, EndsWithTheFirstErrorOfTheConsumer) {
  cluster_.CreateTopic("table", 1);
  Write("a", "1", 0);
  Write("a", "2", 0);
  int seen = 0;
  const absl::Status read =
      (*reader_)->ReadAll("table", kTimeout, [&seen](const TopicRecord&) -> absl::Status {
        ++seen;
        return absl::DataLossError("enough");
      });
  EXPECT_EQ(read.message(), "enough");
  EXPECT_EQ(seen, 1);
}

TEST_F(TopicReaderTest, AStopRequestEndsTheWaitForABroker) {
  const auto reader = TopicReader::Create(NobodyThere());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ((*reader)
                ->ReadAll(
                    "table", absl::Minutes(30), [](const TopicRecord&) { return absl::OkStatus(); },
                    stop.get_token())
                .code(),
            absl::StatusCode::kCancelled);
}

TEST_F(TopicReaderTest, SaysThatNoBrokerAnswered) {
  const auto reader = TopicReader::Create(NobodyThere());
  const absl::Status read = (*reader)->ReadAll("table", absl::Milliseconds(300),
                                               [](const TopicRecord&) { return absl::OkStatus(); });
  EXPECT_EQ(read.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(read.message()), HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace shardtail::kafka
