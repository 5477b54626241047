#include "sink/create_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sink/kafka_sink.h"
#include "sink/stream_sink.h"
#include "tests/fakes/heard.h"
#include "tests/kafka/mock_cluster.h"

namespace shardtail::sink {
namespace {

TEST(CreateSink, MakesTheOneThatTheOptionsName) {
  fakes::Heard heard;
  const auto kafka =
      CreateSink({.type = Type::kKafka, .file_path = "", .kafka = kafka::NobodyThere()}, heard);
  ASSERT_TRUE(kafka.ok()) << kafka.status();
  EXPECT_NE(dynamic_cast<KafkaSink*>(kafka->get()), nullptr);
  const auto standard_output =
      CreateSink({.type = Type::kStdout, .file_path = "", .kafka = {}}, heard);
  ASSERT_TRUE(standard_output.ok()) << standard_output.status();
  const auto file = CreateSink({.type = Type::kFile, .file_path = "/dev/null", .kafka = {}}, heard);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_NE(dynamic_cast<StreamSink*>(file->get()), nullptr);
}

TEST(CreateSink, ListsWhatIsWrongWithTheProperties) {
  fakes::Heard heard;
  kafka::Options options = kafka::NobodyThere();
  options.producer = {{"acks", "0"}, {"linger.ms", "soon"}};
  const auto sink = CreateSink({.type = Type::kKafka, .file_path = "", .kafka = options}, heard);
  EXPECT_EQ(sink.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(sink.status().message()),
              testing::AllOf(testing::HasSubstr("producer.acks"),
                             testing::HasSubstr("producer.linger.ms")));
}

}  // namespace
}  // namespace shardtail::sink
