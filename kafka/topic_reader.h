#ifndef SHARDTAIL_KAFKA_TOPIC_READER_H_
#define SHARDTAIL_KAFKA_TOPIC_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kafka/options.h"

namespace shardtail::kafka {

// The views are valid only during the call that hands the record over.
struct TopicRecord {
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  // none: a tombstone
  int32_t partition = 0;
  int64_t offset = 0;
};

// Reads a topic as a table: all records, each partition in its order. One thread at a time.
class TopicReader {
 public:
  // Does not connect. kInvalidArgument lists what is wrong with the options.
  static absl::StatusOr<std::unique_ptr<TopicReader>> Create(const Options& options);
  ~TopicReader();
  TopicReader(const TopicReader&) = delete;
  TopicReader& operator=(const TopicReader&) = delete;

  // Hands every committed record that the topic has at the time of the call to `consume`, whose
  // first error ends it.
  //   kNotFound         no such topic; asking does not make it
  //   kUnavailable      no broker answered (names them and why), or a partition is without a leader
  //   kDeadlineExceeded the end was not reached in `timeout`
  //   kCancelled        `stop`, which is seen within a second while brokers answer, and a few while
  //                     they have just stopped to
  absl::Status ReadAll(const std::string& topic, absl::Duration timeout,
                       absl::FunctionRef<absl::Status(const TopicRecord&)> consume,
                       const std::stop_token& stop = {});

 private:
  struct Connection;
  explicit TopicReader(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_TOPIC_READER_H_
