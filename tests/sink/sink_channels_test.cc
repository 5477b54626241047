#include "sink/sink_channels.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kafka/topic_reader.h"
#include "sink/kafka_sink.h"
#include "tests/fakes/heard.h"
#include "tests/kafka/mock_cluster.h"

namespace shardtail::sink {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::Duration kTimeout = absl::Seconds(30);

// A shared sink whose deliveries the test decides about.
class HeldSink : public SharedSink {
 public:
  explicit HeldSink(DeliveryListener& listener) : listener_(listener) {}

  absl::Status Send(const Record&, Ticket ticket, const std::stop_token& stop) override {
    const std::lock_guard lock(mutex_);
    if (stop.stop_requested()) return absl::CancelledError("stopped");
    if (!failure_.ok()) return failure_;
    held_.push_back(ticket);
    return absl::OkStatus();
  }
  absl::Status EndBatch(absl::Duration, const std::stop_token&) override {
    ++batches;
    return absl::OkStatus();
  }
  absl::Status failure() const override {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

  void DeliverAll() {
    listener_.OnDelivered(held());
    const std::lock_guard lock(mutex_);
    held_.clear();
  }
  void FailFirst(const absl::Status& status) {
    const std::vector<Ticket> all = held();
    listener_.OnFailed(all.front(), status);
    const std::lock_guard lock(mutex_);
    held_.erase(held_.begin());
  }
  void Fail(const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    failure_ = status;
  }
  std::vector<Ticket> held() const {
    const std::lock_guard lock(mutex_);
    return held_;
  }

  std::atomic<int> batches = 0;

 private:
  DeliveryListener& listener_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<Ticket> held_;
  absl::Status failure_;
};

class SinkChannelsTest : public testing::Test {
 protected:
  std::unique_ptr<Sink> Open(fakes::Heard& heard) {
    auto opened = channels_.Open(heard);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }
  static absl::Status Send(Sink& sink, Ticket ticket) {
    return sink.Send({.topic = "t", .key = "k", .value = "v", .partition = std::nullopt}, ticket,
                     {});
  }

  std::vector<HeldSink*> made_;  // the channels own them
  SinkChannels channels_{
      [this](DeliveryListener& listener) -> absl::StatusOr<std::unique_ptr<SharedSink>> {
        auto sink = std::make_unique<HeldSink>(listener);
        made_.push_back(sink.get());
        return sink;
      }};
  fakes::Heard first_heard_;
  fakes::Heard second_heard_;
};

TEST_F(SinkChannelsTest, TellsEachReplicaSetOfItsOwnRecords) {
  const auto first = Open(first_heard_);
  const auto second = Open(second_heard_);
  EXPECT_EQ(made_.size(), 1U);
  ASSERT_TRUE(Send(*first, 1).ok());
  ASSERT_TRUE(Send(*second, 1).ok());
  ASSERT_TRUE(Send(*second, 2).ok());
  ASSERT_TRUE(Send(*first, 2).ok());
  EXPECT_EQ(first->InFlightRecords(), 2);
  made_[0]->FailFirst(absl::FailedPreconditionError("too large"));
  made_[0]->DeliverAll();
  EXPECT_THAT(first_heard_.failed(), ElementsAre(1));
  EXPECT_THAT(first_heard_.delivered(), ElementsAre(2));
  EXPECT_THAT(second_heard_.failed(), IsEmpty());
  EXPECT_THAT(second_heard_.delivered(), ElementsAre(1, 2));
  EXPECT_EQ(first->InFlightRecords(), 0);
  EXPECT_EQ(second->InFlightRecords(), 0);
}

TEST_F(SinkChannelsTest, FlushesTheRecordsOfOneReplicaSet) {
  const auto first = Open(first_heard_);
  const auto second = Open(second_heard_);
  ASSERT_TRUE(Send(*second, 1).ok());
  EXPECT_TRUE(first->Flush(kTimeout).ok());
  const absl::Status flushed = second->Flush(absl::Milliseconds(5));
  EXPECT_EQ(flushed.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(flushed.message(), "1 records were not acknowledged in 5ms");
  std::jthread delivery([this] { made_[0]->DeliverAll(); });
  EXPECT_TRUE(second->Flush(kTimeout).ok());
}

TEST_F(SinkChannelsTest, EndsABatchOnlyWhereSomethingIsInFlight) {
  const auto first = Open(first_heard_);
  const auto second = Open(second_heard_);
  ASSERT_TRUE(Send(*first, 1).ok());
  ASSERT_TRUE(second->EndBatch().ok());
  EXPECT_EQ(made_[0]->batches, 0);
  ASSERT_TRUE(first->EndBatch().ok());
  EXPECT_EQ(made_[0]->batches, 1);
}

TEST_F(SinkChannelsTest, AClosedSinksListenerHearsNothingOfWhatWasInFlight) {
  auto gone = std::make_unique<fakes::Heard>();
  auto first = Open(*gone);
  ASSERT_TRUE(Send(*first, 1).ok());
  ASSERT_TRUE(Send(*first, 2).ok());
  first.reset();
  gone.reset();
  // Its number is not given to another while something of it is in flight.
  const auto second = Open(second_heard_);
  ASSERT_TRUE(Send(*second, 1).ok());
  made_[0]->FailFirst(absl::UnavailableError("late"));
  made_[0]->DeliverAll();
  EXPECT_THAT(second_heard_.failed(), IsEmpty());
  EXPECT_THAT(second_heard_.delivered(), ElementsAre(1));
  // Now it is.
  const auto third = Open(first_heard_);
  ASSERT_TRUE(Send(*third, 5).ok());
  EXPECT_EQ(made_[0]->held(), std::vector<Ticket>{5});
  made_[0]->DeliverAll();
  EXPECT_THAT(first_heard_.delivered(), ElementsAre(5));
}

TEST_F(SinkChannelsTest, TellsTheListenerOfARecordThatTheSinkCannotTake) {
  const auto first = Open(first_heard_);
  made_[0]->Fail(absl::UnavailableError("gone"));
  EXPECT_EQ(Send(*first, 7).message(), "gone");
  EXPECT_THAT(first_heard_.failed(), ElementsAre(7));
  EXPECT_EQ(first->InFlightRecords(), 0);
  EXPECT_EQ(first->Flush(kTimeout).message(), "gone");
}

TEST_F(SinkChannelsTest, ForgetsARecordWhoseSendingWasStopped) {
  const auto first = Open(first_heard_);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(first
                ->Send({.topic = "t", .key = "k", .value = "v", .partition = std::nullopt}, 1,
                       stop.get_token())
                .code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(first->InFlightRecords(), 0);
  EXPECT_THAT(first_heard_.failed(), IsEmpty());
}

TEST_F(SinkChannelsTest, ReplacesAFailedSinkOnceForAll) {
  auto first = Open(first_heard_);
  auto second = Open(second_heard_);
  ASSERT_TRUE(Send(*first, 1).ok());
  made_[0]->Fail(absl::UnavailableError("the producer can go on no more"));
  // The one at rest hears of it too.
  EXPECT_EQ(second->EndBatch().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(second_heard_.status().message(), "the producer can go on no more");
  second.reset();
  // Nothing old may come after what is sent again.
  const auto early = channels_.Open(second_heard_);
  EXPECT_EQ(early.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(early.status().message()), HasSubstr("1 records of the failed one"));
  made_[0]->FailFirst(absl::UnavailableError("purged"));
  second = Open(second_heard_);
  first.reset();
  first = Open(first_heard_);
  ASSERT_EQ(made_.size(), 2U);
  ASSERT_TRUE(Send(*first, 2).ok());
  ASSERT_TRUE(Send(*second, 2).ok());
  made_[1]->DeliverAll();
  EXPECT_THAT(first_heard_.delivered(), ElementsAre(2));
  EXPECT_THAT(second_heard_.delivered(), ElementsAre(2));
}

TEST(SinkChannels, ReportsThatTheSinkCannotBeMade) {
  SinkChannels channels([](DeliveryListener&) -> absl::StatusOr<std::unique_ptr<SharedSink>> {
    return absl::FailedPreconditionError("no such file");
  });
  fakes::Heard heard;
  EXPECT_EQ(channels.Open(heard).status().message(), "no such file");
}

// With real producers, for the ThreadSanitizer: many replica sets that send, flush, close and open
// at the same time through a small queue.
TEST(SinkChannels, CarriesManyReplicaSetsAtOnce) {
  kafka::MockCluster cluster;
  cluster.CreateTopic("a", 3);
  cluster.CreateTopic("b", 3);
  kafka::Options options = cluster.options();
  options.producer["buffer.memory"] = "30000";
  SinkChannels channels(
      [&options](DeliveryListener& listener) { return KafkaSink::Create(options, listener); });
  constexpr Ticket kThreads = 8;
  constexpr Ticket kSinks = 5;  // one after the other, in each thread
  constexpr Ticket kRecords = 100;
  {
    std::vector<std::jthread> replica_sets;
    for (Ticket number = 0; number < kThreads; ++number) {
      replica_sets.emplace_back([&channels, number] {
        for (Ticket round = 0; round < kSinks; ++round) {
          fakes::Heard heard;
          auto sink = channels.Open(heard);
          ASSERT_TRUE(sink.ok()) << sink.status();
          std::vector<Ticket> sent;
          for (Ticket i = 1; i <= kRecords; ++i) {
            const std::string value = fmt::format("{} {}", number, round * kRecords + i);
            ASSERT_TRUE((*sink)
                            ->Send({.topic = i % 2 == 0 ? "a" : "b",
                                    .key = std::to_string(number),
                                    .value = value,
                                    .partition = std::nullopt},
                                   i, {})
                            .ok());
            ASSERT_TRUE((*sink)->EndBatch().ok());
            sent.push_back(i);
          }
          // Every other time it goes with records in flight.
          if (round % 2 == 1) continue;
          ASSERT_TRUE((*sink)->Flush(kTimeout).ok());
          EXPECT_EQ((*sink)->InFlightRecords(), 0);
          EXPECT_THAT(heard.delivered(), testing::UnorderedElementsAreArray(sent));
        }
      });
    }
  }
  // The last round was flushed, and what was sent before it lies before it.
  const auto reader = kafka::TopicReader::Create(cluster.options());
  size_t found = 0;
  for (const std::string topic : {"a", "b"}) {
    std::map<std::string, int> last;  // of each replica set
    ASSERT_TRUE((*reader)
                    ->ReadAll(topic, kTimeout,
                              [&](const kafka::TopicRecord& record) {
                                ++found;
                                const std::string value(*record.value);
                                const int count = std::stoi(value.substr(value.find(' ')));
                                int& before = last[std::string(*record.key)];
                                EXPECT_LT(before, count);
                                before = count;
                                return absl::OkStatus();
                              })
                    .ok());
  }
  EXPECT_EQ(found, kThreads * kSinks * kRecords);
}

TEST(SinkChannels, AFullQueueStopsNobodyForGood) {
  kafka::Options options = kafka::NobodyThere();
  options.producer["buffer.memory"] = "2048";
  SinkChannels channels(
      [&options](DeliveryListener& listener) { return KafkaSink::Create(options, listener); });
  const std::string value(2048, 'x');
  const Record record{.topic = "a", .key = "k", .value = value, .partition = std::nullopt};
  fakes::Heard heard;
  const auto full = *channels.Open(heard);
  ASSERT_TRUE(full->Send(record, 1, {}).ok());
  std::array<std::jthread, 4> replica_sets;
  for (std::jthread& each : replica_sets) {
    each = std::jthread([&](const std::stop_token& stop) {
      fakes::Heard own;
      const auto sink = *channels.Open(own);
      EXPECT_EQ(sink->Send(record, 1, stop).code(), absl::StatusCode::kCancelled);
      EXPECT_TRUE(sink->Flush(kTimeout).ok());
    });
  }
  for (std::jthread& each : replica_sets) each.request_stop();
}

TEST(SinkChannels, GoesOnWithANewProducerWhenTheBrokersRefuseTheOld) {
  kafka::MockCluster cluster;
  cluster.CreateTopic("a", 1);
  cluster.RefuseProducerId(RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
  cluster.SetDown();  // it asks as soon as it can, which is not to be before the record is sent
  const kafka::Options options = cluster.options();
  SinkChannels channels(
      [&options](DeliveryListener& listener) { return KafkaSink::Create(options, listener); });
  const Record record{.topic = "a", .key = "k", .value = "v", .partition = std::nullopt};
  fakes::Heard heard;
  auto sink = *channels.Open(heard);
  ASSERT_TRUE(sink->Send(record, 1, {}).ok());
  cluster.SetUp();
  while (heard.failed().empty() || sink->EndBatch().ok()) std::this_thread::yield();
  EXPECT_EQ(heard.status().code(), absl::StatusCode::kPermissionDenied);
  sink = nullptr;
  sink = *channels.Open(heard);
  ASSERT_TRUE(sink->Send(record, 2, {}).ok());
  ASSERT_TRUE(sink->Flush(kTimeout).ok());
  EXPECT_THAT(heard.delivered(), ElementsAre(2));
}

}  // namespace
}  // namespace shardtail::sink
