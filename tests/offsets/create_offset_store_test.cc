#include "offsets/create_offset_store.h"

#include <gtest/gtest.h>

#include "offsets/file_offset_store.h"
#include "offsets/kafka_offset_store.h"
#include "tests/kafka/mock_cluster.h"

namespace shardtail::offsets {
namespace {

TEST(CreateOffsetStore, MakesTheOneThatTheOptionsName) {
  const auto file = CreateOffsetStore({.file_name = "/nowhere/offsets.dat"}, {}, Access::kRead);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_NE(dynamic_cast<FileOffsetStore*>(file->get()), nullptr);
  const auto topic = CreateOffsetStore({.topic = "offsets"}, kafka::NobodyThere(), Access::kRead);
  ASSERT_TRUE(topic.ok()) << topic.status();
  EXPECT_NE(dynamic_cast<KafkaOffsetStore*>(topic->get()), nullptr);
}

}  // namespace
}  // namespace shardtail::offsets
