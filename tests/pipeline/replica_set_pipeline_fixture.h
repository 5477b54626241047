#ifndef SHARDTAIL_TESTS_PIPELINE_REPLICA_SET_PIPELINE_FIXTURE_H_
#define SHARDTAIL_TESTS_PIPELINE_REPLICA_SET_PIPELINE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/replica_set_pipeline.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_member.h"
#include "tests/fakes/fake_offset_store.h"
#include "tests/fakes/fake_sink.h"

namespace shardtail::pipeline {

inline constexpr char kSet[] = "rs0";

// One replica set, and all of its pipeline, between a fake server, sink and store: the tests of its
// parts look at what is sent and what is stored.
class ReplicaSetPipelineTest : public ::testing::Test {
 protected:
  // A capture of its own, as after a start of the process.
  std::unique_ptr<ReplicaSetPipeline> Make(Options options = {}, PipelineStart start = {},
                                           const filter::NamespaceFilter* other = nullptr,
                                           std::unique_ptr<CrossShardOrder> order = nullptr) {
    options.snapshot_streaming = streaming_;
    return std::make_unique<ReplicaSetPipeline>(
        ReplicaSetPipeline::Parts{.members = members_,
                                  .make_sink = [this](sink::DeliveryListener& listener)
                                      -> absl::StatusOr<std::unique_ptr<sink::Sink>> {
                                    return std::make_unique<fakes::FakeSink>(log_, listener);
                                  },
                                  .store = store_,
                                  .committer = committer_,
                                  .namespace_filter = other == nullptr ? namespace_filter_ : *other,
                                  .field_filter = field_filter_,
                                  .encoder = encoder_,
                                  .metadata = metadata_,
                                  .clock = clock_,
                                  .signals = signals_},
        options, kSet, start, std::move(order));
  }

  // Runs a capture to the end of the fake oplog, and stops it as SIGTERM would.
  absl::Status Capture(Options options = {}) {
    const auto pipeline = Make(std::move(options));
    absl::Status ended = pipeline->Run({});
    EXPECT_TRUE(pipeline->Drain(absl::Seconds(1)).ok());
    return ended;
  }

  // What was sent, as `operation id`, a tombstone as `- id`; `!` marks `snapshot: last`.
  std::vector<std::string> Sent() const {
    std::vector<std::string> sent;
    for (const fakes::SentRecord& record : log_.records) {
      const std::string id = record.key.substr(7, record.key.size() - 9);  // {"id":"…"}
      if (!record.value.has_value()) {
        sent.push_back("- " + id);
        continue;
      }
      const size_t op = record.value->find("\"op\":\"");
      std::string text = record.value->substr(op + 6, 1) + " " + id;
      if (record.value->find("\"snapshot\":\"last\"") != std::string::npos) text += "!";
      sent.push_back(text);
    }
    return sent;
  }

  offsets::StoredOffset Stored() { return store_.LoadAll()->at(kSet); }

  // What is stored beside the offset, but for the record of what is captured.
  std::map<std::string, std::string> Kept() {
    auto kept = *store_.LoadProgress(kSet, {});
    kept.erase("filters");
    return kept;
  }

  SnapshotStreaming streaming_ = SnapshotStreaming::kAfter;
  fakes::FakeReplicaSet set_;
  fakes::FakeMemberSource members_{set_};
  fakes::FakeClock clock_;
  fakes::FakeOffsetStore store_;
  fakes::SinkLog log_;
  OffsetCommitter committer_{store_, absl::Hours(1), base::Clock::Real()};
  SignalPost signals_{store_, base::Clock::Real()};
  filter::NamespaceFilter namespace_filter_{
      filter::Options{.collection_exclude = {*base::Regex::Create("db\\.hidden", true)}}};
  filter::FieldFilter field_filter_ = *filter::FieldFilter::Create({});
  encoding::MetadataJson metadata_{
      encoding::Options{.logical_name = "server", .key_schema = false, .value_schema = false}};
  encoding::JsonEncoder encoder_{encoding::Options{.logical_name = "server",
                                                   .connector_version = "1",
                                                   .key_schema = false,
                                                   .value_schema = false}};
};

}  // namespace shardtail::pipeline

#endif  // SHARDTAIL_TESTS_PIPELINE_REPLICA_SET_PIPELINE_FIXTURE_H_
