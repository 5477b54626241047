#include "tailer/read_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace shardtail::tailer {
namespace {

// Far longer than any wait in these tests.
constexpr absl::Duration kLong = absl::Minutes(10);

// Gives what a test put in, and tells how often it was read.
class ScriptedSource : public OplogSource {
 public:
  struct Script {
    std::mutex mutex;  // guards all below
    std::condition_variable changed;
    std::deque<absl::StatusOr<OplogBatch>> batches;
    int reads = 0;

    void Add(absl::StatusOr<OplogBatch> batch) {
      const std::lock_guard lock(mutex);
      batches.push_back(std::move(batch));
      changed.notify_all();
    }
    void WaitForReads(int count) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return reads >= count; });
    }
  };

  explicit ScriptedSource(Script& script) : script_(script) {}

  absl::StatusOr<OplogBatch> Next() override {
    std::unique_lock lock(script_.mutex);
    ++script_.reads;
    script_.changed.notify_all();
    script_.changed.wait(lock, [this] { return !script_.batches.empty(); });
    auto batch = std::move(script_.batches.front());
    script_.batches.pop_front();
    return batch;
  }

  absl::StatusOr<OplogWindow> Window() override {
    return OplogWindow{.oldest = {1, 1}, .newest = {2, 1}};
  }

  void Interrupt() override { script_.Add(absl::CancelledError("interrupted")); }

 private:
  Script& script_;
};

OplogBatch BatchOf(size_t entries) {
  OplogBatch batch;
  batch.entries.resize(entries);
  return batch;
}

TEST(ReadAheadTest, GivesTheBatchesInOrderAndThenTheErrorForGood) {
  ScriptedSource::Script script;
  script.Add(BatchOf(1));
  script.Add(BatchOf(0));
  script.Add(BatchOf(3));
  script.Add(absl::AbortedError("rolled back"));
  ReadAhead reader(std::make_unique<ScriptedSource>(script));
  EXPECT_EQ(reader.Next(kLong, {})->value().entries.size(), 1U);
  EXPECT_EQ(reader.Next(kLong, {})->value().entries.size(), 0U);
  EXPECT_EQ(reader.Next(kLong, {})->value().entries.size(), 3U);
  EXPECT_EQ(reader.Next(kLong, {}).status(), absl::AbortedError("rolled back"));
  EXPECT_EQ(reader.Next(kLong, {}).status(), absl::AbortedError("rolled back"));
  const std::lock_guard lock(script.mutex);
  EXPECT_EQ(script.reads, 4);
}

TEST(ReadAheadTest, ReadsOneBatchAheadAndNoMore) {
  ScriptedSource::Script script;
  for (int i = 0; i < 10; ++i) script.Add(BatchOf(1));
  script.Add(absl::UnavailableError("end"));
  ReadAhead reader(std::make_unique<ScriptedSource>(script));
  script.WaitForReads(2);  // the second is held back until the first is taken
  {
    const std::lock_guard lock(script.mutex);
    EXPECT_EQ(script.reads, 2);
  }
  ASSERT_TRUE(reader.Next(kLong, {}).ok());
  script.WaitForReads(3);
  const std::lock_guard lock(script.mutex);
  EXPECT_EQ(script.reads, 3);
}

TEST(ReadAheadTest, KnowsWhetherThereIsANextOne) {
  ScriptedSource::Script script;
  script.Add(BatchOf(1));
  ReadAhead reader(std::make_unique<ScriptedSource>(script));
  while (!reader.HasNext()) std::this_thread::yield();
  ASSERT_TRUE(reader.Next(kLong, {})->has_value());
  EXPECT_FALSE(reader.HasNext());
  script.Add(absl::UnavailableError("end"));
  while (!reader.HasNext()) std::this_thread::yield();
  EXPECT_FALSE(reader.Next(kLong, {}).ok());
}

TEST(ReadAheadTest, AWakeEndsTheWaitAndLosesNoBatch) {
  ScriptedSource::Script script;
  ReadAhead reader(std::make_unique<ScriptedSource>(script));
  std::jthread waker([&] {
    script.WaitForReads(1);
    reader.Wake();
  });
  EXPECT_FALSE(reader.Next(kLong, {})->has_value());
  EXPECT_TRUE(reader.woken());
  waker.join();
  script.Add(BatchOf(1));
  EXPECT_EQ(reader.Next(kLong, {})->value().entries.size(), 1U);
  EXPECT_FALSE(reader.woken());
  script.Add(absl::UnavailableError("end"));
  EXPECT_FALSE(reader.Next(kLong, {}).ok());
}

TEST(ReadAheadTest, AWakeBeforeTheWaitEndsOneWaitAlone) {
  ScriptedSource::Script script;
  ReadAhead reader(std::make_unique<ScriptedSource>(script));
  reader.Wake();
  reader.Wake();
  EXPECT_FALSE(reader.Next(kLong, {})->has_value());
  script.Add(absl::UnavailableError("end"));
  EXPECT_FALSE(reader.Next(kLong, {}).ok());
}

TEST(ReadAheadTest, AStopInterruptsTheWait) {
  ScriptedSource::Script script;
  ReadAhead reader(std::make_unique<ScriptedSource>(script));
  std::stop_source stop;
  std::jthread stopper([&] {
    script.WaitForReads(1);
    stop.request_stop();
  });
  EXPECT_EQ(reader.Next(kLong, stop.get_token()).status().code(), absl::StatusCode::kCancelled);
}

TEST(ReadAheadTest, AStopIsSeenThoughBatchesAreThere) {
  ScriptedSource::Script script;
  for (int i = 0; i < 3; ++i) script.Add(BatchOf(1));
  ReadAhead reader(std::make_unique<ScriptedSource>(script));
  ASSERT_TRUE(reader.Next(kLong, {}).ok());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(reader.Next(kLong, stop.get_token()).status().code(), absl::StatusCode::kCancelled);
}

TEST(ReadAheadTest, EndsWithABatchThatNobodyTook) {
  ScriptedSource::Script script;
  for (int i = 0; i < 3; ++i) script.Add(BatchOf(1));
  {
    const ReadAhead reader(std::make_unique<ScriptedSource>(script));
    script.WaitForReads(2);
  }
  const std::lock_guard lock(script.mutex);
  EXPECT_EQ(script.reads, 2);
}

TEST(ReadAheadTest, ItsEndInterruptsTheReadUnderWay) {
  ScriptedSource::Script script;
  const ReadAhead reader(std::make_unique<ScriptedSource>(script));
  script.WaitForReads(1);
}

TEST(ReadAheadTest, AsksForTheWindowAlsoWhileItsConsumerIsHeldUp) {
  ScriptedSource::Script script;
  for (int i = 0; i < 2; ++i) script.Add(BatchOf(1));
  std::mutex mutex;  // guards windows
  std::condition_variable changed;
  int windows = 0;
  const ReadAhead reader(std::make_unique<ScriptedSource>(script), absl::ZeroDuration(),
                         [&](const OplogWindow& window) {
                           EXPECT_EQ(window.newest.seconds, 2U);
                           const std::lock_guard lock(mutex);
                           ++windows;
                           changed.notify_all();
                         });
  // One with each batch that it reads ahead; the third comes though nobody takes any.
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return windows >= 3; });
}

TEST(ReadAheadTest, GivesNothingWhenNothingComesInTime) {
  ScriptedSource::Script script;
  ReadAhead reader(std::make_unique<ScriptedSource>(script));
  const auto nothing = reader.Next(absl::ZeroDuration(), {});
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(nothing->has_value());
  script.Add(BatchOf(1));
  EXPECT_TRUE(reader.Next(kLong, {})->has_value());
}

}  // namespace
}  // namespace shardtail::tailer
