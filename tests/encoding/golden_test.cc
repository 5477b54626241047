// Takes records that a real Debezium 1.3.1 wrote apart into events, encodes these, and compares all
// bytes of key and value, whatever the configuration.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

#include "encoding/json_encoder.h"
#include "event/change_event.h"
#include "mongo/bson.h"

namespace shardtail::encoding {
namespace {

// Of tests/golden/debezium-1.3.1.
struct GoldenRun {
  std::string_view name;
  bool schemas = true;
  SourceVersion version = SourceVersion::kV2;
};

std::string Text(const rapidjson::Value& value) {
  return value.IsNull() ? "" : std::string(value.GetString(), value.GetStringLength());
}

// A record, and the documents that were read back from it.
class Golden {
 public:
  Golden(const rapidjson::Value& record, const GoldenRun& run)
      : topic(Text(record["topic"])), key(Text(record["key"])), value(Text(record["value"])) {
    parsed_.Parse(value.data(), value.size());
    // Not an envelope: a transaction's END, a heartbeat, a tombstone.
    if (value.empty()) return;
    payload_ = run.schemas ? &parsed_["payload"] : &parsed_;
    if (!payload_->HasMember("source")) payload_ = nullptr;
  }

  bool is_event() const { return payload_ != nullptr; }
  const rapidjson::Value& source() const { return (*payload_)["source"]; }
  std::string ns() const {
    if (source().HasMember("ns")) return Text(source()["ns"]);
    return Text(source()["db"]) + "." + Text(source()["collection"]);
  }
  std::string replica_set() const { return Text(source()["rs"]); }
  std::string version() const { return Text(source()["version"]); }
  int64_t now_millis() const { return (*payload_)["ts_ms"].GetInt64(); }

  // The event, valid as long as this object.
  event::ChangeEvent Rebuild() {
    event::ChangeEvent event;
    const rapidjson::Value& payload = *payload_;
    const std::string_view op = payload["op"].GetString();
    for (const auto operation : {event::Operation::kRead, event::Operation::kCreate,
                                 event::Operation::kUpdate, event::Operation::kDelete}) {
      if (op[0] == event::ToLetter(operation)) event.operation = operation;
    }
    event.document = Read(payload[op == "u" ? "patch" : "after"], &document_);
    event.filter = Read(payload["filter"], &filter_);
    event.id = *(event.filter.present() ? event.filter : event.document).Find("_id");
    ReadSource(&event);
    return event;
  }

  const std::string topic;
  const std::string key;
  const std::string value;

 private:
  static bson::View Read(const rapidjson::Value& json, bson::Document* owner) {
    if (json.IsNull()) return {};
    *owner = bson::FromJson(Text(json)).value();
    return owner->view();
  }

  void ReadSource(event::ChangeEvent* event) const {
    const rapidjson::Value& from = source();
    const int64_t seconds =
        from.HasMember("sec") ? from["sec"].GetInt64() : from["ts_ms"].GetInt64() / 1000;
    event->position.ts = {static_cast<uint32_t>(seconds),
                          static_cast<uint32_t>(from["ord"].GetInt64())};
    if (!from["h"].IsNull()) event->h = from["h"].GetInt64();
    if (from.HasMember("initsync")) {
      if (from["initsync"].GetBool()) event->snapshot = event::SnapshotMark::kTrue;
      return;
    }
    const std::string_view snapshot = from["snapshot"].GetString();
    if (snapshot == "true") event->snapshot = event::SnapshotMark::kTrue;
    if (snapshot == "last") event->snapshot = event::SnapshotMark::kLast;
    if (!from["tord"].IsNull()) event->position.index = from["tord"].GetInt64();
    event->session = event::FromStxnid(Text(from["stxnid"]));
  }

  rapidjson::Document parsed_;
  const rapidjson::Value* payload_ = nullptr;
  bson::Document document_;
  bson::Document filter_;
};

// Both around the first byte in which they differ: the schema alone is 2 KB.
std::string Difference(std::string_view ours, std::string_view golden) {
  size_t at = 0;
  while (at < ours.size() && at < golden.size() && ours[at] == golden[at]) ++at;
  at -= std::min<size_t>(at, 60);
  return fmt::format("ours   {}\ngolden {}", ours.substr(at, 120), golden.substr(at, 120));
}

class GoldenTest : public testing::TestWithParam<GoldenRun> {};

// What we write where Debezium wrote `golden`: the deviations of docs/debezium-compatibility.md.
std::string Ours(std::string golden) {
  struct Rewritten {
    std::string_view golden;
    std::string_view ours;
  };
  constexpr Rewritten kTable[] = {
      // No JSON.
      {R"(: NaN)", R"(: {\"$numberDouble\": \"NaN\"})"},
      {R"(: Infinity)", R"(: {\"$numberDouble\": \"Infinity\"})"},
      {R"(: -Infinity)", R"(: {\"$numberDouble\": \"-Infinity\"})"},
      // Lost in the key.
      {R"x("id":"\"a\\n\\t\"")x", R"x("id":"\"a\\n\\t\\u0001\"")x"},
      {R"x("id":"{ \"$code\" : \"g()\"}")x",
       R"x("id":"{\"$code\": \"g()\",\"$scope\": {\"a\": 1}}")x"},
      // No deviation: a document that looks like extended JSON, and was read back as a date.
      {R"({\"$date\": {\"$numberLong\": \"5\"}})", R"({\"$date\": 5})"},
  };
  for (const Rewritten& row : kTable) {
    const size_t at = golden.find(row.golden);
    if (at != std::string::npos) golden.replace(at, row.golden.size(), row.ours);
  }
  return golden;
}

TEST_P(GoldenTest, RecordsAreEncodedByteForByte) {
  const GoldenRun run = GetParam();
  std::ifstream lines(std::string(ENCODING_TESTDATA "/golden-") + std::string(run.name) + ".jsonl");
  size_t compared = 0;
  std::set<char> operations;
  for (std::string line; std::getline(lines, line);) {
    rapidjson::Document record;
    record.Parse(line.data(), line.size());
    ASSERT_FALSE(record.HasParseError());
    Golden golden(record, run);
    if (!golden.is_event()) continue;
    const std::string full = golden.ns();
    event::ChangeEvent event = golden.Rebuild();
    event.ns = *event::Namespace::Parse(full);
    const JsonEncoder encoder(Options{.logical_name = "dbserver1",
                                      .connector_version = golden.version(),
                                      .key_schema = run.schemas,
                                      .value_schema = run.schemas,
                                      .source_version = run.version});
    const CollectionTemplate collection = encoder.MakeTemplate(event.ns, golden.replica_set());
    EXPECT_EQ(collection.topic, golden.topic);
    std::string key;
    std::string value;
    ASSERT_TRUE(encoder.Encode(event, collection, golden.now_millis(), &key, &value).ok());
    EXPECT_EQ(key, Ours(golden.key));
    EXPECT_TRUE(value == Ours(golden.value)) << Difference(value, Ours(golden.value));
    operations.insert(event::ToLetter(event.operation));
    ++compared;
  }
  EXPECT_GT(compared, 400U);
  EXPECT_EQ(operations, (std::set<char>{'c', 'd', 'r', 'u'}));
}

INSTANTIATE_TEST_SUITE_P(Debezium, GoldenTest,
                         testing::Values(GoldenRun{"4.2-default"}, GoldenRun{"4.4-default"},
                                         GoldenRun{"4.4-noschema", false},
                                         GoldenRun{"4.4-sanitize"},
                                         GoldenRun{"4.4-v1", true, SourceVersion::kV1},
                                         GoldenRun{"5.0-default"}),
                         [](const auto& test) {
                           std::string name(test.param.name);
                           std::erase_if(name, [](char c) { return c == '.' || c == '-'; });
                           return name;
                         });

}  // namespace
}  // namespace shardtail::encoding
