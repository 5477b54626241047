#include "signals/signal_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

namespace shardtail::signals {
namespace {

using testing::ElementsAre;

constexpr absl::Duration kTimeout = absl::Seconds(60);

class SignalFileTest : public testing::Test {
 protected:
  ~SignalFileTest() override { std::filesystem::remove(path_); }

  void Write(std::string_view text) { std::ofstream(path_, std::ios::app) << text; }

  std::string Content() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  std::unique_ptr<SignalFile> Open(absl::Duration interval = absl::Milliseconds(1)) {
    return std::make_unique<SignalFile>(
        path_, interval,
        [this](const Signal& signal) {
          const std::lock_guard lock(mutex_);
          given_.push_back(signal.id);
          changed_.notify_all();
          return std::exchange(refuse_, absl::OkStatus());
        },
        base::Clock::Real());
  }

  // As soon as there are `count` of them.
  std::vector<std::string> Await(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(kTimeout),
                      [&] { return given_.size() >= count; });
    return given_;
  }

  const std::string path_ = testing::TempDir() + "signals-" +
                            testing::UnitTest::GetInstance()->current_test_info()->name();
  std::mutex mutex_;  // guards the others
  std::condition_variable changed_;
  std::vector<std::string> given_;
  absl::Status refuse_;  // the next answer
};

TEST_F(SignalFileTest, TakesEachLineAndPassesOverWhatItCannotRead) {
  Write(R"({"id": "1", "type": "pause-snapshot"})"
        "\n{\n\n"
        R"({"id": "2", "type": "resume-snapshot"})"
        "\n");
  const auto file = Open();
  EXPECT_THAT(Await(2), ElementsAre("1", "2"));
  Write(R"({"id": "3", "type": "pause-snapshot"})"
        "\n");
  EXPECT_THAT(Await(3), ElementsAre("1", "2", "3"));
  EXPECT_EQ(file->metrics().refused.value(), 1);
}

TEST_F(SignalFileTest, EmptiesTheFileAndTakesALastLineWithoutAnEnd) {
  Write(R"({"id": "1", "type": "pause-snapshot"})");
  {
    const auto file = Open();
    EXPECT_THAT(Await(1), ElementsAre("1"));
  }
  EXPECT_EQ(Content(), "");
}

TEST_F(SignalFileTest, LosesNothingThatIsAppendedWhileItIsEmptied) {
  constexpr size_t kSignals = 2000;
  const auto file = Open();
  std::vector<std::string> written;
  for (size_t id = 0; id < kSignals; ++id) {
    written.push_back(std::to_string(id));
    Write(R"({"id": ")" + written.back() + R"(", "type": "pause-snapshot"})" + "\n");
  }
  EXPECT_EQ(Await(kSignals), written);
}

TEST_F(SignalFileTest, WhatCouldNotBeTakenComesAgain) {
  Write(R"({"id": "1", "type": "pause-snapshot"})"
        "\n");
  refuse_ = absl::UnavailableError("not now");
  const auto file = Open();
  EXPECT_THAT(Await(2), ElementsAre("1", "1"));
}

}  // namespace
}  // namespace shardtail::signals
