#include "offsets/kafka_offset_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "kafka/topic_reader.h"
#include "offsets/connect_format.h"
#include "tests/kafka/mock_cluster.h"

namespace shardtail::offsets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr char kTopic[] = "connect-offsets";

StoredOffset At(uint32_t seconds) { return {.position = {{seconds, 1}, 0}}; }

class Deaf : public kafka::DeliveryListener {
 public:
  void OnDelivered(std::span<const uint64_t>) override {}
  void OnFailed(uint64_t, const absl::Status&) override {}
};

Options OptionsOf(const std::string& connector) {
  return {.connector_name = connector,
          .logical_name = "dbserver1",
          .topic = kTopic,
          .flush_timeout = absl::Seconds(30)};
}

// One cluster and store for all tests: librdkafka's brokers do not answer what it asks first, and
// it waits for that.
struct Shared {
  Shared() {
    cluster.CreateTopic(kTopic, 25);
    auto made =
        KafkaOffsetStore::Create(OptionsOf("mongo-src"), cluster.options(), Access::kReadWrite);
    EXPECT_TRUE(made.ok()) << made.status();
    store = *std::move(made);
  }

  kafka::MockCluster cluster;
  std::unique_ptr<KafkaOffsetStore> store;
};

class KafkaOffsetStoreTest : public testing::Test {
 protected:
  static Shared& shared() {
    static Shared shared;
    return shared;
  }

  // What another client writes.
  void Write(const std::string& key, const std::string& value) {
    Deaf deaf;
    const auto producer = kafka::Producer::Create(cluster_.options(), deaf);
    ASSERT_TRUE(
        (*producer)
            ->Send({.topic = kTopic, .key = key, .value = value, .partition = std::nullopt}, 1, {})
            .ok());
    ASSERT_TRUE((*producer)->Flush(absl::Seconds(30)).ok());
  }

  std::unique_ptr<KafkaOffsetStore> Reader(const std::string& connector) {
    auto reader = KafkaOffsetStore::Create(OptionsOf(connector), cluster_.options(), Access::kRead);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return *std::move(reader);
  }

  kafka::MockCluster& cluster_ = shared().cluster;
  KafkaOffsetStore& store_ = *shared().store;
};

TEST_F(KafkaOffsetStoreTest, KeepsTheProgressOfASnapshotBesideTheOffsets) {
  KafkaOffsetStore* const store = &store_;
  ASSERT_TRUE(store->Save("copied", At(1)).ok());
  ASSERT_TRUE(store->SaveProgress("copied", {{"uuid-1", "{}"}}).ok());
  ASSERT_TRUE(store->SaveProgress("copied", {{"uuid-2", "{}"}, {"uuid-3", "{}"}}).ok());
  ASSERT_TRUE(store->SaveProgress("copied", {{"uuid-1", "{\"a\":1}"}, {"uuid-3", {}}}).ok());
  ASSERT_TRUE(store->SaveProgress("other", {{"uuid-1", "{}"}}).ok());
  EXPECT_THAT(*store->LoadProgress("copied", {}),
              ElementsAre(Pair("uuid-1", "{\"a\":1}"), Pair("uuid-2", "{}")));
  EXPECT_EQ(store->LoadAll({})->at("copied"), At(1));

  ASSERT_TRUE(store->Delete("copied").ok());
  EXPECT_THAT(*store->LoadProgress("copied", {}), IsEmpty());
  EXPECT_FALSE(store->LoadAll({})->contains("copied"));
  EXPECT_THAT(*store->LoadProgress("other", {}), ElementsAre(Pair("uuid-1", "{}")));
  ASSERT_TRUE(store->Delete("other").ok());
}

TEST_F(KafkaOffsetStoreTest, FindsAgainWhatWasSavedAndForgetsWhatWasDeleted) {
  ASSERT_TRUE(store_.Save("rs0", At(1)).ok());
  ASSERT_TRUE(store_.Save("rs1", At(2)).ok());
  ASSERT_TRUE(store_.Save("rs0", At(3)).ok());
  EXPECT_THAT(*store_.LoadAll(), ElementsAre(Pair("rs0", At(3)), Pair("rs1", At(2))));
  ASSERT_TRUE(store_.Delete("rs0").ok());
  EXPECT_THAT(*store_.LoadAll(), ElementsAre(Pair("rs1", At(2))));
  ASSERT_TRUE(store_.Delete("rs1").ok());
  EXPECT_THAT(*store_.LoadAll(), IsEmpty());
}

TEST_F(KafkaOffsetStoreTest, ThoseWhoLoadTogetherEachFindWhatWasSavedBefore) {
  std::vector<std::jthread> threads;
  threads.reserve(8);
  for (int number = 0; number < 8; ++number) {
    threads.emplace_back([this, number] {
      const std::string name = "together" + std::to_string(number);
      for (uint32_t round = 1; round <= 5; ++round) {
        EXPECT_TRUE(store_.Save(name, At(round)).ok());
        const auto loaded = store_.LoadAll();
        ASSERT_TRUE(loaded.ok()) << loaded.status();
        EXPECT_EQ(loaded->at(name), At(round));
      }
      EXPECT_TRUE(store_.Delete(name).ok());
    });
  }
}

TEST_F(KafkaOffsetStoreTest, OneWhoIsToldToStopDoesNotStopThoseWhoLoadWithIt) {
  ASSERT_TRUE(store_.Save("rs0", At(1)).ok());
  std::vector<std::jthread> threads;
  threads.reserve(8);
  std::stop_source stop;
  for (int number = 0; number < 8; ++number) {
    threads.emplace_back(
        [this, number, token = number % 2 == 0 ? stop.get_token() : std::stop_token()] {
          const auto loaded = store_.LoadAll(token);
          if (number % 2 == 1) {
            ASSERT_TRUE(loaded.ok()) << loaded.status();
            EXPECT_TRUE(loaded->contains("rs0"));
          }
        });
  }
  stop.request_stop();
  threads.clear();
  EXPECT_TRUE(store_.Delete("rs0").ok());
}

TEST_F(KafkaOffsetStoreTest, WritesConnectsBytesIntoThePartitionThatJavaChooses) {
  ASSERT_TRUE(store_.Save("rs28000", At(5)).ok());
  const auto reader = kafka::TopicReader::Create(cluster_.options());
  std::vector<std::pair<std::string, int32_t>> found;
  ASSERT_TRUE((*reader)
                  ->ReadAll(kTopic, absl::Seconds(30),
                            [&found](const kafka::TopicRecord& record) {
                              if (record.key == EncodeKey("mongo-src", "dbserver1", "rs28000")) {
                                found.emplace_back(*record.value, record.partition);
                              }
                              return absl::OkStatus();
                            })
                  .ok());
  // 10 by Java's Utils.toPositive(Utils.murmur2(key)) % 25.
  EXPECT_THAT(found, ElementsAre(Pair(EncodeValue(At(5)), 10)));
  ASSERT_TRUE(store_.Delete("rs28000").ok());
}

TEST_F(KafkaOffsetStoreTest, ReadsWhatConnectStoredAndLeavesOthersAlone) {
  Write(EncodeKey("theirs", "dbserver1", "rs0"),
        R"({"sec":1795247856,"ord":100,"transaction_id":null,"h":null,"stxnid":null,"tord":3})");
  Write(R"(["mysql",{"server":"m"}])", R"({"file":"binlog.000003"})");
  const auto reader = Reader("theirs");
  EXPECT_THAT(*reader->LoadAll(),
              ElementsAre(Pair("rs0", StoredOffset{.position = {{1795247856, 100}, 3}})));
  EXPECT_EQ(reader->Save("rs0", At(1)).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(KafkaOffsetStoreTest, NamesTheTopicOfAnOffsetThatItCannotUnderstand) {
  Write(EncodeKey("broken", "dbserver1", "rs0"), "{}");
  const absl::Status loaded = Reader("broken")->LoadAll().status();
  EXPECT_EQ(loaded.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(loaded.message()),
              testing::AllOf(HasSubstr("replica set rs0 in topic connect-offsets"),
                             HasSubstr("\"sec\" is missing, in {}")));
}

TEST_F(KafkaOffsetStoreTest, SaysThatAnOffsetWasNotStored) {
  cluster_.FailProduce({RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  const absl::Status saved = store_.Save("rs0", At(1));
  EXPECT_EQ(saved.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(saved.message()),
              testing::AllOf(HasSubstr("the offset of replica set rs0 was not stored"),
                             HasSubstr("allow WRITE")));
}

TEST(KafkaOffsetStore, SaysWhatIsWrongWithTheProperties) {
  kafka::Options kafka = kafka::NobodyThere();
  kafka.common["security.protocol"] = "TLS";
  const auto store = KafkaOffsetStore::Create({}, kafka, Access::kRead);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("security.protocol"));
}

}  // namespace
}  // namespace shardtail::offsets
