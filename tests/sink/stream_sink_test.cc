#include "sink/stream_sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <rapidjson/document.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <thread>

#include "tests/fakes/heard.h"

namespace shardtail::sink {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Record Of(std::string_view key, std::optional<std::string_view> value) {
  return {.topic = "db.c", .key = key, .value = value, .partition = std::nullopt};
}

constexpr absl::Duration kForever = absl::InfiniteDuration();

constexpr char kLine[] = "{\"topic\":\"db.c\",\"key\":{\"id\":\"1\"},\"value\":{\"op\":\"c\"}}\n";

class StreamSinkFileTest : public testing::Test {
 protected:
  StreamSinkFileTest() {
    std::string name = testing::TempDir() + "shardtail-sink-XXXXXX";
    directory_ = mkdtemp(name.data());
    path_ = directory_ + "/events.jsonl";
  }
  ~StreamSinkFileTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<StreamSink> Open() {
    auto sink = StreamSink::ToFile(path_, heard_);
    EXPECT_TRUE(sink.ok()) << sink.status();
    return *std::move(sink);
  }
  std::string Content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& content) const {
    std::ofstream(path_, std::ios::binary) << content;
  }

  std::string directory_;
  std::string path_;
  fakes::Heard heard_;
};

TEST_F(StreamSinkFileTest, WritesOneObjectALine) {
  const auto sink = Open();
  ASSERT_TRUE(sink->Send(Of(R"({"id":"1"})", R"({"op":"c"})"), 1, {}).ok());
  ASSERT_TRUE(sink->Send(Of(R"({"id":"1"})", std::nullopt), 2, {}).ok());
  ASSERT_TRUE(
      sink->Send({.topic = "a \"b\"", .key = "", .value = "{}", .partition = 3}, 3, {}).ok());
  ASSERT_TRUE(sink->EndBatch(kForever, {}).ok());
  EXPECT_EQ(Content(), std::string(kLine) +
                           "{\"topic\":\"db.c\",\"key\":{\"id\":\"1\"},\"value\":null}\n"
                           "{\"topic\":\"a \\\"b\\\"\",\"key\":null,\"value\":{}}\n");
}

TEST_F(StreamSinkFileTest, DeliversAtTheEndOfTheBatch) {
  const auto sink = Open();
  ASSERT_TRUE(sink->Send(Of("1", "{}"), 7, {}).ok());
  ASSERT_TRUE(sink->Send(Of("2", "{}"), 8, {}).ok());
  EXPECT_THAT(heard_.delivered(), IsEmpty());
  ASSERT_TRUE(sink->EndBatch(kForever, {}).ok());
  EXPECT_THAT(heard_.delivered(), ElementsAre(7, 8));
  ASSERT_TRUE(sink->EndBatch(kForever, {}).ok());
  EXPECT_THAT(heard_.delivered(), ElementsAre(7, 8));
}

TEST_F(StreamSinkFileTest, DoesNotGatherWithoutEnd) {
  const auto sink = Open();
  const std::string value = "\"" + std::string(10'000, 'x') + "\"";
  for (Ticket ticket = 1; ticket <= 250; ++ticket) {
    ASSERT_TRUE(sink->Send(Of("1", value), ticket, {}).ok());
  }
  EXPECT_GE(heard_.delivered().size(), 200U);
  ASSERT_TRUE(sink->EndBatch(kForever, {}).ok());
  EXPECT_EQ(heard_.delivered().size(), 250U);
}

TEST_F(StreamSinkFileTest, AppendsToWhatIsThere) {
  Write(kLine);
  const auto sink = Open();
  ASSERT_TRUE(sink->Send(Of(R"({"id":"1"})", R"({"op":"c"})"), 1, {}).ok());
  ASSERT_TRUE(sink->EndBatch(kForever, {}).ok());
  EXPECT_EQ(Content(), std::string(kLine) + kLine);
}

TEST_F(StreamSinkFileTest, CutsOffALastLineThatACrashHasTorn) {
  const std::string line = kLine;
  for (size_t size = 1; size < line.size(); ++size) {
    Write(line + line.substr(0, size));
    Open();
    EXPECT_EQ(Content(), line) << size;
  }
  Write(line.substr(0, 20));
  Open();
  EXPECT_EQ(Content(), "");
}

TEST_F(StreamSinkFileTest, CutsOffATornLineThatIsLongerThanABlock) {
  Write(std::string(kLine) + "{\"topic\":\"t\",\"key\":\"" + std::string(300'000, 'x'));
  Open();
  EXPECT_EQ(Content(), kLine);
}

TEST_F(StreamSinkFileTest, LeavesAFileAloneThatIsNotOurs) {
  Write("line\nno event");
  const auto sink = StreamSink::ToFile(path_, heard_);
  EXPECT_EQ(sink.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(sink.status().message(),
            path_ +
                " does not end with a line of events, and is left as it is: give another "
                "sink.file.path");
  EXPECT_EQ(Content(), "line\nno event");
}

TEST_F(StreamSinkFileTest, RefusesAFileThatAnotherOneWrites) {
  const auto first = Open();
  const auto second = StreamSink::ToFile(path_, heard_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("is being written by another process"));
}

TEST_F(StreamSinkFileTest, SaysThatItCannotOpenTheFile) {
  path_ = directory_ + "/missing/events.jsonl";
  const auto sink = StreamSink::ToFile(path_, heard_);
  EXPECT_EQ(sink.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(sink.status().message(),
            "cannot open sink.file.path " + path_ + ": No such file or directory");
}

TEST_F(StreamSinkFileTest, ReportsEveryRecordAsFailedWhenTheDiskIsFull) {
  path_ = "/dev/full";
  const auto sink = Open();
  ASSERT_TRUE(sink->Send(Of("1", "{}"), 1, {}).ok());
  ASSERT_TRUE(sink->Send(Of("2", "{}"), 2, {}).ok());
  const absl::Status written = sink->EndBatch(kForever, {});
  EXPECT_EQ(written.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(
      written.message(),
      "cannot write events to /dev/full: No space left on device: make room there, and it goes on");
  EXPECT_THAT(heard_.failed(), ElementsAre(1, 2));
  EXPECT_THAT(heard_.delivered(), IsEmpty());
  // It is of no use any more, and says so to each sender.
  EXPECT_EQ(sink->Send(Of("3", "{}"), 3, {}), written);
  EXPECT_EQ(sink->failure(), written);
  EXPECT_THAT(heard_.failed(), ElementsAre(1, 2));
  EXPECT_EQ(sink->EndBatch(kForever, {}), written);
}

TEST_F(StreamSinkFileTest, KeepsLinesWholeThatManyThreadsSend) {
  constexpr Ticket kThreads = 8;
  constexpr Ticket kRecords = 300;
  const auto sink = Open();
  {
    std::vector<std::jthread> senders;
    for (Ticket sender = 0; sender < kThreads; ++sender) {
      senders.emplace_back([&sink, sender] {
        const std::string value = "\"" + std::string(1000 * sender, 'x') + "\"";
        for (Ticket i = 0; i < kRecords; ++i) {
          ASSERT_TRUE(
              sink->Send(Of(std::to_string(sender), value), sender * kRecords + i, {}).ok());
          if (i % 10 == sender) {
            ASSERT_TRUE(sink->EndBatch(kForever, {}).ok());
          }
        }
        ASSERT_TRUE(sink->EndBatch(kForever, {}).ok());
      });
    }
  }
  EXPECT_EQ(heard_.delivered().size(), kThreads * kRecords);
  std::ifstream file(path_, std::ios::binary);
  std::map<Ticket, Ticket> lines;  // of each sender
  for (std::string line; std::getline(file, line);) {
    rapidjson::Document parsed;
    ASSERT_FALSE(parsed.Parse(line.c_str()).HasParseError());
    const Ticket sender = parsed["key"].GetUint64();
    EXPECT_EQ(parsed["value"].GetStringLength(), 1000 * sender);
    ++lines[sender];
  }
  EXPECT_THAT(lines, testing::AllOf(testing::SizeIs(kThreads),
                                    testing::Each(testing::Pair(testing::_, kRecords))));
}

TEST_F(StreamSinkFileTest, LeavesTheFileToTheNextWhenItHasFailed) {
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const auto failed = Open();
  const rlimit none{.rlim_cur = 10, .rlim_max = limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &none);
  ASSERT_TRUE(failed->Send(Of("1", "{}"), 1, {}).ok());
  EXPECT_FALSE(failed->EndBatch(kForever, {}).ok());
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(Content().size(), 10U);  // a torn line
  const auto next = Open();
  ASSERT_TRUE(next->Send(Of(R"({"id":"1"})", R"({"op":"c"})"), 1, {}).ok());
  ASSERT_TRUE(next->EndBatch(kForever, {}).ok());
  EXPECT_EQ(Content(), kLine);
}

// A pipe, as standard output may be one.
class StreamSinkPipeTest : public testing::Test {
 protected:
  StreamSinkPipeTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    reader_ = ends[0];
    fcntl(ends[1], F_SETPIPE_SZ, 4096);  // the smallest
    sink_ = std::make_unique<StreamSink>(ends[1], "standard output", heard_);
    old_handler_ = std::signal(SIGPIPE, SIG_IGN);
  }
  ~StreamSinkPipeTest() override {
    std::signal(SIGPIPE, old_handler_);
    CloseReader();
  }

  void CloseReader() {
    if (reader_ >= 0) close(reader_);
    reader_ = -1;
  }

  std::string ReadToTheEnd() const {
    std::string all;
    std::array<char, 1000> part{};
    while (true) {
      const ssize_t size = read(reader_, part.data(), part.size());
      if (size <= 0) return all;
      all.append(part.data(), static_cast<size_t>(size));
    }
  }

  // Here, and not in the tests: GCC 12 takes a local one for uninitialised under a sanitizer.
  std::stop_source stop_;
  std::stop_source other_stop_;
  fakes::Heard heard_;
  int reader_ = -1;
  std::unique_ptr<StreamSink> sink_;
  void (*old_handler_)(int) = nullptr;
};

const std::string& LongValue() {
  static const auto& value = *new std::string("\"" + std::string(100'000, 'x') + "\"");
  return value;
}

TEST_F(StreamSinkPipeTest, WaitsForASlowReader) {
  std::string read;
  std::jthread reader([&] { read = ReadToTheEnd(); });
  for (Ticket ticket = 1; ticket <= 5; ++ticket) {
    ASSERT_TRUE(sink_->Send(Of("1", LongValue()), ticket, {}).ok());
    ASSERT_TRUE(sink_->EndBatch(kForever, {}).ok());
  }
  sink_.reset();
  reader.join();
  EXPECT_THAT(heard_.delivered(), ElementsAre(1, 2, 3, 4, 5));
  const std::string line = "{\"topic\":\"db.c\",\"key\":1,\"value\":" + LongValue() + "}\n";
  EXPECT_EQ(read, line + line + line + line + line);
}

TEST_F(StreamSinkPipeTest, AStopRequestEndsTheWaitForAReader) {
  ASSERT_TRUE(sink_->Send(Of("1", LongValue()), 1, stop_.get_token()).ok());
  stop_.request_stop();
  EXPECT_EQ(sink_->EndBatch(kForever, stop_.get_token()).code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(heard_.delivered(), IsEmpty());
  EXPECT_THAT(heard_.failed(), IsEmpty());
  const absl::Status flushed = sink_->EndBatch(absl::Milliseconds(1), {});
  EXPECT_EQ(flushed.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(flushed.message(), "1 events were not written: nobody reads standard output");
}

TEST_F(StreamSinkPipeTest, AStopRequestEndsTheWaitForAnothersTurn) {
  ASSERT_TRUE(sink_->Send(Of("1", LongValue()), 1, {}).ok());
  std::jthread other([&] {
    EXPECT_EQ(sink_->EndBatch(kForever, other_stop_.get_token()).code(),
              absl::StatusCode::kCancelled);
  });
  // The pipe is full when there is something to read.
  pollfd readable{.fd = reader_, .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&readable, 1, 30'000), 1);
  std::jthread stopper([this] { stop_.request_stop(); });
  EXPECT_EQ(sink_->Send(Of("2", "{}"), 2, stop_.get_token()).code(), absl::StatusCode::kCancelled);
  other_stop_.request_stop();
  other.join();
  CloseReader();
  EXPECT_FALSE(sink_->EndBatch(kForever, {}).ok());
  EXPECT_THAT(heard_.failed(), ElementsAre(1));
}

TEST_F(StreamSinkPipeTest, WritesTheRestOfALineAfterAStopRequest) {
  ASSERT_TRUE(sink_->Send(Of("1", LongValue()), 1, stop_.get_token()).ok());
  stop_.request_stop();
  ASSERT_EQ(sink_->EndBatch(kForever, stop_.get_token()).code(), absl::StatusCode::kCancelled);
  std::string read;
  std::jthread reader([&] { read = ReadToTheEnd(); });
  ASSERT_TRUE(sink_->EndBatch(absl::Seconds(30), {}).ok());
  sink_.reset();
  reader.join();
  EXPECT_EQ(read, "{\"topic\":\"db.c\",\"key\":1,\"value\":" + LongValue() + "}\n");
  EXPECT_THAT(heard_.delivered(), ElementsAre(1));
}

TEST_F(StreamSinkPipeTest, IsOfNoUseWhenTheReaderHasClosed) {
  CloseReader();
  ASSERT_TRUE(sink_->Send(Of("1", "{}"), 1, {}).ok());
  const absl::Status written = sink_->EndBatch(kForever, {});
  EXPECT_EQ(written.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(written.message(), "nobody reads standard output any more: Broken pipe");
  EXPECT_THAT(heard_.failed(), ElementsAre(1));
}

}  // namespace
}  // namespace shardtail::sink
