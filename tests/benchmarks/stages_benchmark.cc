// Events per second of the stages of a stream, each alone and on one core: decode, filter, publish
// (find the collection's rules, encode, open the offset, send). encoding_benchmark has encode.
//
//   build/benchmark/tests/benchmarks/stages_benchmark

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "encoding/json_encoder.h"
#include "encoding/metadata_json.h"
#include "filter/field_filter.h"
#include "filter/namespace_filter.h"
#include "metrics/pipeline_metrics.h"
#include "metrics/tailer_metrics.h"
#include "offsets/ack_tracker.h"
#include "pipeline/publisher.h"
#include "tailer/entry_decoder.h"
#include "tests/benchmarks/iterations.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_oplog.h"

namespace shardtail {
namespace {

// Of a hundred documents: a stream's events are not all the same one.
constexpr int kEntries = 100;

bson::Document Entry(const char* operation, int number, const char* o, const char* o2) {
  absl::StatusOr<bson::Document> fields = bson::FromJson(
      std::string(R"({"lsid": {"id": {"$binary": {"base64": "g1GVC05HQVafWt2XVd0y5w==",
          "subType": "04"}}, "uid": {"$binary": {"base64":
          "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "subType": "00"}}},
          "txnNumber": {"$numberLong": "7"}, "ui": {"$binary": {"base64":
          "g1GVC05HQVafWt2XVd0y5w==", "subType": "04"}}, "o": )") +
      o + R"(, "o2": )" + o2 + "}");
  if (!fields.ok()) std::abort();
  bson::Builder entry;
  for (const char* name : {"lsid", "txnNumber"}) entry.Copy(*fields->view().Find(name));
  entry.String("op", operation).String("ns", "inventory.orders");
  entry.Copy(*fields->view().Find("ui"));
  entry.Copy(*fields->view().Find("o"));
  entry.Copy(*fields->view().Find("o2"));
  entry.Time("ts", {1600000000, static_cast<uint32_t>(number + 1)}).Int64("t", 1).Int64("v", 2);
  return entry.Build();
}

constexpr char kOrder[] =
    R"({"_id": {"$oid": "5f0000000000000000000001"}, "customer": "Anne K.",
        "email": "annek@noanswer.org", "quantity": 3, "total": {"$numberLong": "129900"},
        "discount": 0.15, "paid": true,
        "address": {"street": "Torstrasse 49", "city": "Berlin"}, "tags": ["new", "web"],
        "note": "Please leave the parcel with the neighbours."})";

std::vector<bson::Document> Inserts() {
  std::vector<bson::Document> entries;
  entries.reserve(kEntries);
  for (int number = 0; number < kEntries; ++number) {
    entries.push_back(Entry("i", number, kOrder, R"({"_id": 1})"));
  }
  return entries;
}

// As MongoDB 5 and later log them.
std::vector<bson::Document> Updates() {
  std::vector<bson::Document> entries;
  entries.reserve(kEntries);
  for (int number = 0; number < kEntries; ++number) {
    entries.push_back(Entry("u", number,
                            R"({"$v": 2, "diff": {"u": {"quantity": 4, "paid": true},
                                "saddress": {"u": {"city": "Potsdam"}}}})",
                            R"({"_id": {"$oid": "5f0000000000000000000001"}})"));
  }
  return entries;
}

void Decode(benchmark::State& state, const std::vector<bson::Document>& entries) {
  fakes::FakeOplog oplog;
  metrics::TailerMetrics metrics;
  tailer::EntryDecoder decoder(oplog, metrics);
  size_t next = 0;
  for (auto _ : state) {
    const absl::Status status =
        decoder.Decode(entries[next].view(), [](const event::ChangeEvent& event) {
          benchmark::DoNotOptimize(event.document.data());
          return absl::OkStatus();
        });
    if (!status.ok()) std::abort();
    next = (next + 1) % entries.size();
  }
  state.SetItemsProcessed(state.iterations());
}

void DecodeInsert(benchmark::State& state) { Decode(state, Inserts()); }
BENCHMARK(DecodeInsert)->Apply(CountedIterations);

void DecodeUpdate(benchmark::State& state) { Decode(state, Updates()); }
BENCHMARK(DecodeUpdate)->Apply(CountedIterations);

// Takes everything, and says at once that it is delivered.
class SwallowingSink : public sink::Sink {
 public:
  explicit SwallowingSink(offsets::AckTracker& tracker) : tracker_(tracker) {}

  absl::Status Send(const sink::Record& record, sink::Ticket ticket,
                    const std::stop_token&) override {
    benchmark::DoNotOptimize(record.key.data());
    tracker_.Acknowledge({&ticket, 1});
    return absl::OkStatus();
  }
  absl::Status EndBatch() override { return absl::OkStatus(); }
  absl::Status Flush(absl::Duration) override { return absl::OkStatus(); }
  int64_t InFlightRecords() const override { return 0; }

 private:
  offsets::AckTracker& tracker_;
};

// Decoded once: what the publisher is given again and again.
void Publish(benchmark::State& state, const filter::Options& filter_options) {
  const std::vector<bson::Document> entries = Inserts();
  const encoding::Options encoding_options{.logical_name = "fulfillment",
                                           .connector_version = "0.1.0",
                                           .key_schema = true,
                                           .value_schema = true};
  const filter::NamespaceFilter namespaces(filter_options);
  const absl::StatusOr<filter::FieldFilter> fields = filter::FieldFilter::Create(filter_options);
  const encoding::JsonEncoder encoder(encoding_options);
  const encoding::MetadataJson metadata(encoding_options);
  offsets::AckTracker tracker;
  pipeline::LargeRecords large;
  SwallowingSink sink(tracker);
  fakes::FakeClock clock;
  metrics::PipelineMetrics metrics;
  pipeline::Publisher publisher({.namespace_filter = namespaces,
                                 .field_filter = *fields,
                                 .encoder = encoder,
                                 .metadata = metadata,
                                 .sink = sink,
                                 .tracker = tracker,
                                 .large = large,
                                 .clock = clock,
                                 .metrics = metrics},
                                pipeline::Options(), "rs0");
  fakes::FakeOplog oplog;
  metrics::TailerMetrics tailer_metrics;
  tailer::EntryDecoder decoder(oplog, tailer_metrics);
  std::vector<event::ChangeEvent> events;
  for (const bson::Document& entry : entries) {
    const absl::Status status = decoder.Decode(entry.view(), [&](const event::ChangeEvent& event) {
      events.push_back(event);
      return absl::OkStatus();
    });
    if (!status.ok()) std::abort();
  }
  size_t next = 0;
  for (auto _ : state) {
    const event::ChangeEvent& event = events[next];
    const offsets::StoredOffset offset{.position = event.position, .session = event.session};
    if (!publisher.Publish(event, offset, {}).ok()) std::abort();
    next = (next + 1) % events.size();
  }
  state.SetItemsProcessed(state.iterations());
}

void PublishInsert(benchmark::State& state) { Publish(state, {}); }
BENCHMARK(PublishInsert)->Apply(CountedIterations);

void FilterOut(benchmark::State& state) {
  filter::Options options;
  options.collection_include.push_back(*base::Regex::Create("inventory[.]customers", true));
  Publish(state, options);
}
BENCHMARK(FilterOut)->Apply(CountedIterations);

}  // namespace
}  // namespace shardtail

BENCHMARK_MAIN();
