#include "kafka/producer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "kafka/topic_reader.h"
#include "tests/fakes/heard.h"
#include "tests/kafka/mock_cluster.h"

namespace shardtail::kafka {
namespace {

using testing::HasSubstr;

constexpr absl::Duration kTimeout = absl::Seconds(30);

class ProducerTest : public testing::Test {
 protected:
  ProducerTest() {
    cluster_.CreateTopic("events", 7);
    options_ = cluster_.options();
  }

  void Make() {
    auto made = Producer::Create(options_, heard_);
    ASSERT_TRUE(made.ok()) << made.status();
    producer_ = *std::move(made);
  }

  absl::Status Send(uint64_t ticket, std::string_view key, std::optional<std::string_view> value,
                    const std::stop_token& stop = {}) {
    return producer_->Send(
        {.topic = "events", .key = key, .value = value, .partition = std::nullopt}, ticket, stop);
  }

  struct Stored {
    std::string key;
    std::optional<std::string> value;
    int32_t partition;
  };
  std::vector<Stored> Read() {
    std::vector<Stored> records;
    const auto reader = TopicReader::Create(cluster_.options());
    const absl::Status read =
        (*reader)->ReadAll("events", kTimeout, [&records](const TopicRecord& record) {
          records.push_back({std::string(record.key.value_or("")),
                             record.value.has_value()
                                 ? std::optional<std::string>(std::string(*record.value))
                                 : std::nullopt,
                             record.partition});
          return absl::OkStatus();
        });
    EXPECT_TRUE(read.ok()) << read;
    return records;
  }

  MockCluster cluster_;
  Options options_;
  fakes::Heard heard_;
  std::unique_ptr<Producer> producer_;
};

TEST_F(ProducerTest, ReportsEveryRecordOnceItIsStored) {
  Make();
  for (uint64_t ticket = 1; ticket <= 1000; ++ticket) {
    ASSERT_TRUE(Send(ticket, std::to_string(ticket % 10), "value").ok());
  }
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_EQ(producer_->InFlightRecords(), 0);
  std::vector<uint64_t> expected(1000);
  std::iota(expected.begin(), expected.end(), 1);
  EXPECT_THAT(heard_.delivered(), testing::UnorderedElementsAreArray(expected));
  EXPECT_EQ(Read().size(), 1000U);
}

TEST_F(ProducerTest, ChoosesThePartitionsThatJavaChooses) {
  Make();
  // By Java's Utils.toPositive(Utils.murmur2(key)) % 7.
  const std::vector<std::pair<std::string, int32_t>> keys = {
      {R"(["mongo-src",{"rs":"rs28000","server_id":"dbserver1"}])", 0},
      {R"({"id":"1"})", 2},
      {R"({"id":"{ \"$oid\" : \"5f7b\"}"})", 3},
      {"ключ", 4},
      {"a", 5}};
  for (const auto& [key, partition] : keys) ASSERT_TRUE(Send(1, key, "v").ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  for (const Stored& record : Read()) {
    EXPECT_THAT(keys, testing::Contains(testing::Pair(record.key, record.partition)));
  }
}

TEST_F(ProducerTest, TellsATombstoneFromAnEmptyValue) {
  Make();
  ASSERT_TRUE(Send(1, "k", std::nullopt).ok());
  ASSERT_TRUE(Send(2, "k", "").ok());
  ASSERT_TRUE(Send(3, "k", std::string_view()).ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  const std::vector<Stored> records = Read();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].value, std::nullopt);
  EXPECT_EQ(records[1].value, "");
  EXPECT_EQ(records[2].value, "");
}

TEST_F(ProducerTest, SendsToThePartitionThatIsAskedFor) {
  Make();
  ASSERT_TRUE(
      producer_->Send({.topic = "events", .key = "a", .value = "v", .partition = 1}, 1, {}).ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_EQ(Read().at(0).partition, 1);
}

TEST_F(ProducerTest, TriesAgainAfterAnErrorThatPasses) {
  Make();
  cluster_.FailProduce(
      {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT});
  ASSERT_TRUE(Send(1, "k", "v").ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_THAT(heard_.delivered(), testing::ElementsAre(1));
}

TEST_F(ProducerTest, ReportsARecordThatTheBrokerRefusesWithTheRemedy) {
  Make();
  cluster_.FailProduce({RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  ASSERT_TRUE(Send(7, "k", "v").ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_THAT(heard_.failed(), testing::ElementsAre(7));
  EXPECT_EQ(heard_.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(heard_.status().message()),
              testing::AllOf(HasSubstr("topic events"), HasSubstr("raise max.message.bytes"),
                             HasSubstr("batch.size, 1000000")));
}

TEST_F(ProducerTest, TellsARecordThatIsTooLargeByItselfFromItsNeighbours) {
  options_.producer["batch.size"] = "2000";
  Make();
  cluster_.FailProduce({RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  ASSERT_TRUE(Send(7, "k", std::string(3000, 'x')).ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_EQ(heard_.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(heard_.status().message()),
              testing::AllOf(HasSubstr("3001 bytes for topic events"),
                             HasSubstr("raise max.message.bytes")));
  ASSERT_TRUE(Send(8, "k", "v").ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_THAT(heard_.delivered(), testing::ElementsAre(8));
}

TEST_F(ProducerTest, ReportsMissingRightsAsSuch) {
  Make();
  cluster_.FailProduce({RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  ASSERT_TRUE(Send(1, "k", "v").ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_EQ(heard_.status().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(ProducerTest, RefusesARecordThatIsLargerThanItsLimit) {
  options_.producer["max.request.size"] = "2000";
  Make();
  const absl::Status sent = Send(1, "k", std::string(3000, 'x'));
  EXPECT_EQ(sent.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(sent.message(),
            "a record of 3001 bytes for topic events is larger than max.request.size, 2000; raise "
            "it with producer.override.max.request.size, and the limit of the brokers");
  EXPECT_EQ(producer_->InFlightRecords(), 0);
}

TEST_F(ProducerTest, SendsARecordThatIsLargerThanItsQueue) {
  options_.producer["buffer.memory"] = "10000";
  Make();
  ASSERT_TRUE(Send(1, "k", std::string(500'000, 'x')).ok());
  ASSERT_TRUE(Send(2, "k", std::string(500'000, 'x')).ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_THAT(heard_.delivered(), testing::ElementsAre(1, 2));
}

TEST_F(ProducerTest, WaitsForRoomUntilThereIsSome) {
  options_.producer["buffer.memory"] = "10000";
  Make();
  const std::string value(1000, 'x');
  for (uint64_t ticket = 1; ticket <= 500; ++ticket) ASSERT_TRUE(Send(ticket, "k", value).ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_EQ(heard_.delivered().size(), 500U);
}

TEST_F(ProducerTest, WaitsForRoomInLibrdkafkasQueueWhereItsOwnLimitIsSet) {
  options_.producer["queue.buffering.max.messages"] = "3";
  Make();
  for (uint64_t ticket = 1; ticket <= 50; ++ticket) ASSERT_TRUE(Send(ticket, "k", "v").ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_EQ(heard_.delivered().size(), 50U);
}

TEST_F(ProducerTest, AStopRequestEndsTheWaitForRoom) {
  options_.producer["buffer.memory"] = "4096";
  options_.bootstrap_servers = NobodyThere().bootstrap_servers;
  Make();
  const std::string value(4096, 'x');
  ASSERT_TRUE(Send(1, "k", value).ok());
  std::stop_source stop;
  std::jthread stopper([&stop] { stop.request_stop(); });
  EXPECT_EQ(Send(2, "k", value, stop.get_token()).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(producer_->InFlightRecords(), 1);
}

TEST_F(ProducerTest, FlushSaysHowManyRecordsAreInFlight) {
  options_.bootstrap_servers = NobodyThere().bootstrap_servers;
  Make();
  ASSERT_TRUE(Send(1, "k", "v").ok());
  ASSERT_TRUE(Send(2, "k", "v").ok());
  const absl::Status flushed = producer_->Flush(absl::Milliseconds(20));
  EXPECT_EQ(flushed.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(flushed.message(), "2 records were not acknowledged by Kafka in 20ms");
}

TEST_F(ProducerTest, GoesOnWhenTheBrokerIsBack) {
  Make();
  ASSERT_TRUE(Send(1, "k", "v").ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  cluster_.SetDown();
  ASSERT_TRUE(Send(2, "k", "v").ok());
  cluster_.SetUp();
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_THAT(heard_.delivered(), testing::ElementsAre(1, 2));
}

TEST_F(ProducerTest, TakesRecordsFromManyThreadsAndKeepsTheOrderOfEach) {
  options_.producer["buffer.memory"] = "20000";
  Make();
  constexpr uint64_t kThreads = 8;
  constexpr uint64_t kRecords = 500;
  {
    std::vector<std::jthread> senders;
    for (uint64_t sender = 0; sender < kThreads; ++sender) {
      senders.emplace_back([this, sender] {
        const std::string key = std::to_string(sender);
        for (uint64_t i = 0; i < kRecords; ++i) {
          const uint64_t ticket = sender * kRecords + i;
          ASSERT_TRUE(Send(ticket, key, std::to_string(ticket)).ok());
        }
      });
    }
  }
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_EQ(producer_->InFlightRecords(), 0);
  std::vector<uint64_t> expected(kThreads * kRecords);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_THAT(heard_.delivered(), testing::UnorderedElementsAreArray(expected));
  std::map<std::string, uint64_t> next;  // of each sender
  for (const Stored& record : Read()) {
    uint64_t& count = next[record.key];
    EXPECT_EQ(*record.value, std::to_string(std::stoull(record.key) * kRecords + count));
    ++count;
  }
  EXPECT_THAT(next, testing::Each(testing::Pair(testing::_, kRecords)));
}

TEST_F(ProducerTest, FindsATopicThatWasMissingOnceItIsThere) {
  options_.producer["topic.metadata.propagation.max.ms"] = "0";
  cluster_.SetTopicError("events", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  cluster_.SetDown();  // it is not to learn that before the record is sent
  Make();
  ASSERT_TRUE(Send(1, "k", "v").ok());
  cluster_.SetUp();
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_THAT(heard_.failed(), testing::ElementsAre(1));
  EXPECT_THAT(std::string(heard_.status().message()), HasSubstr("create the topic"));
  EXPECT_EQ(Send(2, "k", "v").code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(producer_->failure().ok());
  cluster_.SetTopicError("events", RD_KAFKA_RESP_ERR_NO_ERROR);
  ASSERT_TRUE(Send(3, "k", "v").ok());
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_THAT(heard_.delivered(), testing::ElementsAre(3));
}

TEST_F(ProducerTest, SaysThatItIsOfNoUseAnyMore) {
  cluster_.RefuseProducerId(RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
  cluster_.SetDown();  // it asks as soon as it can, which is not to be before the record is sent
  Make();
  EXPECT_TRUE(producer_->failure().ok());
  ASSERT_TRUE(Send(1, "k", "v").ok());
  cluster_.SetUp();
  ASSERT_TRUE(producer_->Flush(kTimeout).ok());
  EXPECT_THAT(heard_.failed(), testing::ElementsAre(1));
  EXPECT_EQ(Send(2, "k", "v").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(producer_->failure().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(producer_->InFlightRecords(), 0);
}

TEST_F(ProducerTest, GivesUpWhatIsInFlightWhenItIsDestroyed) {
  options_.bootstrap_servers = NobodyThere().bootstrap_servers;
  Make();
  ASSERT_TRUE(Send(1, "k", "v").ok());
  producer_.reset();
  EXPECT_THAT(heard_.delivered(), testing::IsEmpty());
  EXPECT_THAT(heard_.failed(), testing::IsEmpty());
}

TEST_F(ProducerTest, ListsWhatIsWrongWithTheOptions) {
  options_.producer = {{"acks", "1"}, {"nonsense", "x"}};
  const auto made = Producer::Create(options_, heard_);
  EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(made.status().message()),
              testing::AllOf(HasSubstr("producer.acks"), HasSubstr("producer.nonsense")));
}

TEST_F(ProducerTest, SaysWhichOptionsDoNotGoTogether) {
  options_.producer = {{"reconnect.backoff.ms", "1000"}};  // its maximum is 50 here
  const auto made = Producer::Create(options_, heard_);
  EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("reconnect.backoff"));
}

}  // namespace
}  // namespace shardtail::kafka
