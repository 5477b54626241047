#include "monitoring/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/scripted_runner.h"

namespace shardtail::monitoring {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class MonitorTest : public ::testing::Test {
 protected:
  http::Response Get(std::string_view path) {
    return monitor_.Handle({.method = "GET", .path = path});
  }
  void Capture(const std::string& name, const absl::Status& end) {
    manager_.Add(std::make_unique<fakes::ScriptedRunner>(
        name, std::deque<fakes::ScriptedRunner::Result>{{.status = end}}));
    monitor_.Watch(&manager_);
  }

  topology::TopologyManager manager_{{}, base::Clock::Real()};
  Monitor monitor_{{.name = "server \"1\""}, base::Clock::Real()};
};

TEST_F(MonitorTest, KnowsItsPathsAndNoOthers) {
  EXPECT_EQ(Get("/").status, 200);
  EXPECT_THAT(Get("/").body, HasSubstr("/metrics\n"));
  for (const char* path : {"/metrics/", "/Metrics", "/../etc/passwd", "/health/other", "", "*",
                           "/q/health/ready/x", "/q/metrics"}) {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
}

TEST_F(MonitorTest, OnlyReads) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", ""}) {
    const http::Response response = monitor_.Handle({.method = method, .path = "/metrics"});
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.allow, "GET, HEAD");
  }
}

TEST_F(MonitorTest, IsLiveButNotReadyBeforeThereIsAReplicaSet) {
  EXPECT_EQ(Get("/health/live").status, 200);
  EXPECT_EQ(Get("/health/ready").status, 503);
  EXPECT_EQ(Get("/health/started").status, 503);
  EXPECT_EQ(Get("/q/health").status, 503);
  EXPECT_EQ(Get("/metrics").status, 200);
  EXPECT_THAT(Get("/status").body, HasSubstr("\"replica_sets\":[]"));
}

TEST_F(MonitorTest, OneOfSeveralProcessesIsReadyWithoutAReplicaSetAndTellsItsShare) {
  topology::Assignment assignment(2, 1);
  monitor_.Watch(&manager_, &assignment);
  EXPECT_EQ(Get("/health/ready").status, 503);
  shard_discovery::Deployment found;
  const int other = 0;
  for (int number = 0; found.replica_sets.empty(); ++number) {
    const std::string name = "rs" + std::to_string(number);
    if (topology::Assignment::ProcessOf(name, 2) == other) {
      found.replica_sets.push_back({.name = name, .shard = "", .seeds = {}});
    }
  }
  const std::string name = found.replica_sets.front().name;
  assignment.Take(&found);
  EXPECT_EQ(Get("/health/ready").status, 200);
  EXPECT_EQ(Get("/health/started").status, 200);
  EXPECT_THAT(Get("/status").body, HasSubstr("\"assignment\":{\"count\":2,\"index\":1,"
                                             "\"elsewhere\":[\"" +
                                             name + "\"]}"));
  EXPECT_THAT(Get("/metrics").body, AllOf(HasSubstr("shardtail_replica_sets_elsewhere 1\n"),
                                          HasSubstr("shardtail_assignment_count 2\n"),
                                          HasSubstr("shardtail_assignment_index 1\n")));
}

TEST_F(MonitorTest, AnswersHealthInDebeziumsForm) {
  EXPECT_EQ(Get("/q/health/live").body,
            "{\"status\":\"UP\",\"checks\":[{\"name\":\"debezium\",\"status\":\"UP\"}]}\n");
  EXPECT_EQ(Get("/q/health/live").content_type, "application/json");
}

TEST_F(MonitorTest, TellsOfAFailedReplicaSet) {
  Capture("rs0", absl::DataLossError("an entry that \"nobody\" understands"));
  EXPECT_FALSE(manager_.Wait({}).ok());
  const http::Response ready = Get("/health/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.body,
              AllOf(StartsWith("{\"status\":\"DOWN\""), HasSubstr("\"replica set rs0\""),
                    HasSubstr("FAILED: an entry that \\\"nobody\\\" understands")));
  EXPECT_THAT(Get("/status").body,
              AllOf(HasSubstr("\"state\":\"FAILED\""), HasSubstr("\"failures_in_a_row\":")));
  const std::string metrics = Get("/metrics").body;
  EXPECT_THAT(
      metrics,
      AllOf(HasSubstr("shardtail_replica_set_state{replica_set=\"rs0\",state=\"failed\"} 1"),
            HasSubstr("shardtail_interruptions_total{replica_set=\"rs0\","
                      "reason=\"undecodable\"} 1")));
}

TEST_F(MonitorTest, GivesDebeziumsMetricsTheLabelsOfItsExporter) {
  Capture("rs0", absl::DataLossError("broken"));
  EXPECT_FALSE(manager_.Wait({}).ok());
  const std::string metrics = Get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("# TYPE debezium_metrics_Connected untyped\n"
                                 "debezium_metrics_Connected{name=\"server \\\"1\\\"\","
                                 "context=\"streaming\",plugin=\"mongodb\"} 0\n"));
  EXPECT_THAT(metrics, HasSubstr("debezium_metrics_MilliSecondsBehindSource{name=\"server "
                                 "\\\"1\\\"\",context=\"streaming\",plugin=\"mongodb\"} -1\n"));
}

}  // namespace
}  // namespace shardtail::monitoring
