#include "sink/kafka_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "kafka/topic_reader.h"
#include "tests/fakes/heard.h"
#include "tests/kafka/mock_cluster.h"

namespace shardtail::sink {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr absl::Duration kTimeout = absl::Seconds(30);

class KafkaSinkTest : public testing::Test {
 protected:
  void Make(const kafka::Options& options) {
    auto sink = KafkaSink::Create(options, heard_);
    ASSERT_TRUE(sink.ok()) << sink.status();
    sink_ = *std::move(sink);
  }

  absl::Status Send(const std::string& topic, Ticket ticket) {
    return sink_->Send({.topic = topic, .key = "k", .value = "v", .partition = std::nullopt},
                       ticket, {});
  }

  kafka::MockCluster cluster_;
  // Until the listener has heard of so many.
  void Await(size_t count) {
    while (heard_.delivered().size() + heard_.failed().size() < count) std::this_thread::yield();
  }

  fakes::Heard heard_;
  std::unique_ptr<KafkaSink> sink_;
};

TEST_F(KafkaSinkTest, DeliversToEachTopic) {
  cluster_.CreateTopic("a", 1);
  cluster_.CreateTopic("b", 1);
  Make(cluster_.options());
  ASSERT_TRUE(Send("a", 1).ok());
  ASSERT_TRUE(Send("b", 2).ok());
  ASSERT_TRUE(Send("a", 3).ok());
  ASSERT_TRUE(sink_->EndBatch(kTimeout, {}).ok());
  Await(3);
  EXPECT_THAT(heard_.delivered(), testing::UnorderedElementsAre(1, 2, 3));
  const auto reader = kafka::TopicReader::Create(cluster_.options());
  int found = 0;
  ASSERT_TRUE((*reader)
                  ->ReadAll("a", kTimeout,
                            [&found](const kafka::TopicRecord&) {
                              ++found;
                              return absl::OkStatus();
                            })
                  .ok());
  EXPECT_EQ(found, 2);
}

TEST_F(KafkaSinkTest, UsesATopicThatIsThereAsItIs) {
  cluster_.CreateTopic("a", 1);
  kafka::Options options = cluster_.options();
  options.topic_partitions = 4;
  options.topic_replication_factor = 1;
  Make(options);
  ASSERT_TRUE(Send("a", 1).ok());
  ASSERT_TRUE(Send("a", 2).ok());
  Await(2);
  EXPECT_THAT(heard_.delivered(), ElementsAre(1, 2));
}

TEST_F(KafkaSinkTest, TellsTheSenderOfARecordThatItCannotTake) {
  cluster_.CreateTopic("a", 1);
  kafka::Options options = cluster_.options();
  options.producer["max.request.size"] = "1000";
  Make(options);
  const std::string large(2000, 'x');
  const absl::Status sent =
      sink_->Send({.topic = "a", .key = "k", .value = large, .partition = std::nullopt}, 9, {});
  EXPECT_EQ(sent.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(heard_.failed(), testing::IsEmpty());
  EXPECT_TRUE(sink_->failure().ok());
}

TEST_F(KafkaSinkTest, PassesAFailedDeliveryOn) {
  cluster_.CreateTopic("a", 1);
  Make(cluster_.options());
  cluster_.FailProduce({RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  ASSERT_TRUE(Send("a", 4).ok());
  Await(1);
  EXPECT_THAT(heard_.failed(), ElementsAre(4));
  EXPECT_THAT(std::string(heard_.status().message()), HasSubstr("topic a"));
}

TEST_F(KafkaSinkTest, ForgetsARecordWhoseSendingWasStopped) {
  kafka::Options options = kafka::NobodyThere();
  options.producer["buffer.memory"] = "1024";
  Make(options);
  const std::string value(1024, 'x');
  const Record record{.topic = "a", .key = "k", .value = value, .partition = std::nullopt};
  std::stop_source stop;
  ASSERT_TRUE(sink_->Send(record, 1, stop.get_token()).ok());
  stop.request_stop();
  EXPECT_EQ(sink_->Send(record, 2, stop.get_token()).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(heard_.failed(), testing::IsEmpty());
}

}  // namespace
}  // namespace shardtail::sink
