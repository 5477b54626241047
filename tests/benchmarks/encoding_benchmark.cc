// Events per second of encoding alone, on one core, beside libbson's JSON of the same document and
// a plain copy of as many bytes as the event has.
//
//   build/dev/tests/benchmarks/encoding_benchmark

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "encoding/json_encoder.h"
#include "event/change_event.h"
#include "mongo/bson.h"
#include "tests/benchmarks/iterations.h"

namespace shardtail::encoding {
namespace {

// An order as a shop stores it: names, numbers, dates, a sub-document, an array.
bson::Document Order(int64_t size) {
  bson::Document id = *bson::FromJson(R"({"_id": {"$oid": "5f0000000000000000000001"},
      "created": {"$date": {"$numberLong": "1600000000123"}}})");
  bson::Builder builder;
  builder.Copy(*id.view().Find("_id"))
      .String("customer", "Anne K.")
      .String("email", "annek@noanswer.org")
      .Int32("quantity", 3)
      .Int64("total", 129900)
      .Double("discount", 0.15)
      .Copy(*id.view().Find("created"))
      .Bool("paid", true);
  builder.OpenDocument("address")
      .String("street", "Torstrasse 49")
      .String("city", "Berlin")
      .Close();
  builder.OpenArray("tags").String("0", "new").String("1", "web").Close();
  const auto fill = size - int64_t{builder.view().size()} - 11;  // the element itself takes 11
  // Text as people write it: a quote and a line break now and then.
  std::string note;
  while (static_cast<int64_t>(note.size()) < fill) {
    note +=
        "Please leave the parcel with the neighbours on the second floor when nobody answers, "
        "and write \"fragile\" on it: the last one arrived broken.\n";
  }
  builder.String("note", note.substr(0, static_cast<size_t>(fill)));
  return builder.Build();
}

event::ChangeEvent Insert(const bson::Document& document) {
  event::ChangeEvent event;
  event.position = {{1600000000, 7}, 0};
  event.ns = *event::Namespace::Parse("inventory.orders");
  event.document = document;
  event.id = *document.view().Find("_id");
  event.session = event::FromStxnid("83519593-4c4e-4741-569f-5add9755dd32:7");
  return event;
}

void Rates(benchmark::State& state, size_t bytes) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(bytes));
  state.counters["event_bytes"] = static_cast<double>(bytes);
}

void Encode(benchmark::State& state) {
  const bool schema = state.range(1) != 0;
  const JsonEncoder encoder(Options{.logical_name = "fulfillment",
                                    .connector_version = "0.1.0",
                                    .key_schema = schema,
                                    .value_schema = schema});
  const bson::Document document = Order(state.range(0));
  const event::ChangeEvent event = Insert(document);
  const CollectionTemplate collection = encoder.MakeTemplate(event.ns, "rs0");
  std::string key;
  std::string value;
  for (auto _ : state) {
    if (!encoder.Encode(event, collection, 1600000000456, &key, &value).ok()) std::abort();
    benchmark::DoNotOptimize(value.data());
  }
  Rates(state, key.size() + value.size());
}
BENCHMARK(Encode)
    ->ArgNames({"document", "schema"})
    ->ArgsProduct({{250, 2048}, {0, 1}})
    ->Apply(CountedIterations);

void LibbsonJson(benchmark::State& state) {
  const bson::Document document = Order(state.range(0));
  size_t size = 0;
  for (auto _ : state) {
    const std::string json = bson::ToDebugString(document);
    benchmark::DoNotOptimize(json.data());
    size = json.size();
  }
  Rates(state, size);
}
BENCHMARK(LibbsonJson)->ArgName("document")->Arg(250)->Arg(2048);

void Copy(benchmark::State& state) {
  const std::string event(static_cast<size_t>(state.range(0)), 'x');
  std::string copy = event;
  for (auto _ : state) {
    std::memcpy(copy.data(), event.data(), event.size());
    benchmark::DoNotOptimize(copy.data());
    benchmark::ClobberMemory();
  }
  Rates(state, event.size());
}
BENCHMARK(Copy)->ArgName("bytes")->Arg(900)->Arg(3500)->Arg(6000);

}  // namespace
}  // namespace shardtail::encoding

BENCHMARK_MAIN();
