#ifndef SHARDTAIL_KAFKA_TOPIC_FOLLOWER_H_
#define SHARDTAIL_KAFKA_TOPIC_FOLLOWER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kafka/options.h"
#include "kafka/topic_reader.h"

namespace shardtail::kafka {

// Follows a topic on a thread of its own, from where its consumer group stands, and hands over each
// committed record that comes. Partitions that the topic gets later are followed from the next
// start on. A group that has stored nothing begins with the oldest record. The partitions are
// assigned by hand: the group only keeps the offsets, so it must be this follower's alone.
//
// A record's offset is stored when the function returned OK, so each record is handed over at least
// once: after a crash, or while no broker takes the offset, some come again.
class TopicFollower {
 public:
  struct Source {
    std::string topic;
    std::string group;
    absl::Duration poll_timeout = absl::Milliseconds(100);  // also how soon a stop is seen
  };
  // Called on the follower's thread; the record is valid during the call. After an error it is
  // handed over again, a second later.
  using Function = std::function<absl::Status(const TopicRecord&)>;

  // Does not connect: that is begun, and tried for ever, in the background, and so is asking for a
  // topic that does not exist; both are said in the log. kInvalidArgument lists what is wrong with
  // the options.
  static absl::StatusOr<std::unique_ptr<TopicFollower>> Create(const Options& options,
                                                               Source source, Function function);
  // Ends the thread, within a few seconds where brokers do not answer; waits for a call that runs.
  ~TopicFollower();
  TopicFollower(const TopicFollower&) = delete;
  TopicFollower& operator=(const TopicFollower&) = delete;

 private:
  struct Connection;
  explicit TopicFollower(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_TOPIC_FOLLOWER_H_
