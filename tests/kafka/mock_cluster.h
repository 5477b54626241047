#ifndef SHARDTAIL_TESTS_KAFKA_MOCK_CLUSTER_H_
#define SHARDTAIL_TESTS_KAFKA_MOCK_CLUSTER_H_

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <string>
#include <vector>

#include "kafka/options.h"

namespace shardtail::kafka {

// librdkafka's own brokers, in this process, on free ports. They know no admin requests.
class MockCluster {
 public:
  MockCluster() {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "3", nullptr, 0);
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0);
    cluster_ = rd_kafka_mock_cluster_new(client_, 1);
  }
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(client_);
  }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  void CreateTopic(const std::string& name, int partitions) {
    rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1);
  }

  // The next requests to produce are answered with these, one each.
  void FailProduce(const std::vector<rd_kafka_resp_err_t>& errors) {
    constexpr int16_t kProduce = 0;
    rd_kafka_mock_push_request_errors_array(cluster_, kProduce, errors.size(), errors.data());
  }

  // A producer's request for its number, which an idempotent one must have, is refused once.
  void RefuseProducerId(rd_kafka_resp_err_t error) {
    constexpr int16_t kInitProducerId = 22;
    rd_kafka_mock_push_request_errors_array(cluster_, kInitProducerId, 1, &error);
  }

  // What is answered when a client asks about the topic.
  void SetTopicError(const std::string& name, rd_kafka_resp_err_t error) {
    rd_kafka_mock_topic_set_error(cluster_, name.c_str(), error);
  }

  void SetDown() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void SetUp() { rd_kafka_mock_broker_set_up(cluster_, 1); }

  // For a client that does not wait long before it comes back.
  Options options() const {
    Options options;
    options.bootstrap_servers = rd_kafka_mock_cluster_bootstraps(cluster_);
    options.common = {{"reconnect.backoff.ms", "10"}, {"reconnect.backoff.max.ms", "50"}};
    return options;
  }

 private:
  rd_kafka_t* client_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

// An address where nobody listens: port 1 is for root's own services.
inline Options NobodyThere() {
  Options options;
  options.bootstrap_servers = "127.0.0.1:1";
  return options;
}

}  // namespace shardtail::kafka

#endif  // SHARDTAIL_TESTS_KAFKA_MOCK_CLUSTER_H_
