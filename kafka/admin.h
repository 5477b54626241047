#ifndef SHARDTAIL_KAFKA_ADMIN_H_
#define SHARDTAIL_KAFKA_ADMIN_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kafka/options.h"

namespace shardtail::kafka {

// A topic that exists.
struct TopicDescription {
  int partitions = 0;
  int replication_factor = 0;
};

struct NewTopic {
  std::string name;
  int partitions = -1;                               // -1: the broker's default
  int replication_factor = -1;                       // -1: the broker's default
  std::map<std::string, std::string> configuration;  // "cleanup.policy": "compact" …
};

// Asks the brokers about themselves and about topics, and makes topics. Safe for any thread. Every
// function ends after `timeout`; its errors are FetchMetadata()'s (kUnavailable names
// bootstrap.servers and why nobody answered; kUnauthenticated), and kPermissionDenied where the
// user may not do it.
class Admin {
 public:
  // Does not connect. kInvalidArgument lists what is wrong with the options.
  static absl::StatusOr<std::unique_ptr<Admin>> Create(const Options& options);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // The brokers ("host:port") of the cluster, as soon as one of them answers. kCancelled when
  // `stop` is requested meanwhile.
  absl::StatusOr<std::vector<std::string>> Brokers(absl::Duration timeout,
                                                   const std::stop_token& stop);

  // nullopt when there is no such topic; asking does not make it.
  absl::StatusOr<std::optional<TopicDescription>> Describe(const std::string& topic,
                                                           absl::Duration timeout);

  // Its cleanup.policy: "delete", "compact" or both. kPermissionDenied where the user may not ask
  // (DESCRIBE_CONFIGS).
  absl::StatusOr<std::string> CleanupPolicy(const std::string& topic, absl::Duration timeout);

  // kAlreadyExists when it is there; kFailedPrecondition when the brokers cannot make it so (the
  // message says why).
  absl::Status CreateTopic(const NewTopic& topic, absl::Duration timeout);

 private:
  struct Connection;
  explicit Admin(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_ADMIN_H_
