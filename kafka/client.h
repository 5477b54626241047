#ifndef SHARDTAIL_KAFKA_CLIENT_H_
#define SHARDTAIL_KAFKA_CLIENT_H_

#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kafka/handles.h"
#include "kafka/translation.h"

namespace shardtail::kafka {

// What producer, admin and reader have in common. For this folder's sources only.

// The policy for librdkafka's error `code`; the message is `what`, then librdkafka's text for it
// or, where given, the `detail`.
absl::Status ToStatus(rd_kafka_resp_err_t code, const std::string& what,
                      const std::string& detail = "");

// Makes a client whose `events` (a mask of RD_KAFKA_EVENT_…) arrive in its main queue and whose log
// goes to ours. kInvalidArgument lists the translation's errors, or says what librdkafka found in
// the whole.
absl::StatusOr<ClientHandle> NewClient(rd_kafka_type_t type, const Translation& translation,
                                       int events);

// Asks any broker for its metadata, and for `topic` where it is not empty, until one answers or
// `timeout` is over. The client must have been made with RD_KAFKA_EVENT_ERROR, and nobody else may
// poll its main queue.
//   kUnavailable      no broker answered; names them and the most telling reason
//   kUnauthenticated  a broker refused the credentials: at once
//   kCancelled        `stop` was requested
absl::StatusOr<MetadataHandle> FetchMetadata(rd_kafka_t* client, const std::string& topic,
                                             const std::string& bootstrap_servers,
                                             absl::Duration timeout, const std::stop_token& stop);

// For librdkafka's timeouts; at least 1.
int ToMilliseconds(absl::Duration duration);

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_KAFKA_CLIENT_H_
