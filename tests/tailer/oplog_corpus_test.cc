// Every entry of an oplog corpus that real servers wrote (testdata/oplog: 4.2.6, 4.4.2, 5.0.4 and
// 6.0.5, replica sets and sharded clusters), decoded, and compared with testdata/events: what an
// independent program (written in another language, from MongoDB's documents) makes of them.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "metrics/tailer_metrics.h"
#include "tailer/entry_decoder.h"
#include "tests/fakes/fake_oplog.h"

namespace shardtail::tailer {
namespace {

using bson::Element;

std::vector<bson::Document> ReadJsonLines(const std::string& path) {
  std::vector<bson::Document> documents;
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  for (std::string line; std::getline(file, line);) {
    auto document = bson::FromJson(line);
    EXPECT_TRUE(document.ok()) << path << ": " << document.status();
    if (document.ok()) documents.push_back(*std::move(document));
  }
  return documents;
}

std::string_view Bytes(const Element& element) {
  return {reinterpret_cast<const char*>(element.value), element.value_size};
}

// The inserted or deleted documents stand in the entry itself: the operation at `index`, from 1, of
// the transaction's, or the entry's own `o`.
void CheckEvent(const event::ChangeEvent& event, bson::View expected) {
  EXPECT_EQ(std::string(1, event::ToLetter(event.operation)), expected.Find("op")->AsString());
  EXPECT_EQ(event.ns.full, expected.Find("ns")->AsString());
  EXPECT_EQ(event.position.index, expected.Find("index")->GetInteger());
  const Element id = *expected.Find("id");
  EXPECT_EQ(event.id.type, id.type);
  EXPECT_EQ(Bytes(event.id), Bytes(id));
  EXPECT_EQ(event.snapshot, event::SnapshotMark::kFalse);
  switch (event.operation) {
    case event::Operation::kCreate:
      EXPECT_EQ(Bytes(*event.document.Find("_id")), Bytes(id));
      EXPECT_FALSE(event.filter.present());
      break;
    case event::Operation::kUpdate:
      EXPECT_EQ(bson::ToDebugString(event.document),
                bson::ToDebugString(expected.Find("patch")->AsDocument()));
      EXPECT_EQ(event.document.bytes(), expected.Find("patch")->AsDocument().bytes());
      EXPECT_EQ(Bytes(*event.filter.Find("_id")), Bytes(id));
      break;
    case event::Operation::kDelete:
      EXPECT_FALSE(event.document.present());
      EXPECT_EQ(Bytes(*event.filter.Find("_id")), Bytes(id));
      break;
    case event::Operation::kRead:
      ADD_FAILURE() << "a read in the oplog";
  }
}

std::map<std::string, int64_t> Counted(const metrics::TailerMetrics& metrics) {
  std::map<std::string, int64_t> counted;
  const auto add = [&](const char* name, const metrics::Counter& counter) {
    if (counter.value() != 0) counted[name] = counter.value();
  };
  add("noops", metrics.noops);
  add("elections", metrics.elections);
  add("migrations", metrics.migrations);
  add("commands", metrics.commands);
  add("transactions", metrics.transactions);
  add("aborted_transactions", metrics.aborted_transactions);
  return counted;
}

class OplogCorpusTest : public ::testing::TestWithParam<std::string> {};

TEST_P(OplogCorpusTest, EveryEntryMakesTheEventsThatItShould) {
  const std::vector<bson::Document> entries =
      ReadJsonLines(std::string(TESTDATA_DIR) + "/oplog/" + GetParam());
  const std::vector<bson::Document> expected =
      ReadJsonLines(std::string(TESTDATA_DIR) + "/events/" + GetParam());
  ASSERT_EQ(entries.size(), expected.size());
  fakes::FakeOplog oplog;
  for (const bson::Document& line : entries) {
    oplog.Add(bson::Document(line.view().Find("entry")->AsDocument()));
  }
  oplog.SetDocument(bson::Builder().Bool("looked up", true).Build());
  for (size_t i = 0; i < entries.size(); ++i) {
    const bson::View entry = entries[i].view().Find("entry")->AsDocument();
    const bson::View wanted = expected[i].view();
    SCOPED_TRACE(testing::Message()
                 << "line " << i + 1 << ", " << wanted.Find("label")->AsString());
    metrics::TailerMetrics metrics;
    EntryDecoder decoder(oplog, metrics);
    std::vector<bson::View> events;
    if (const auto list = wanted.Find("events"); list.has_value()) {
      bson::Reader reader(list->AsDocument());
      for (Element element; reader.Next(&element);) events.push_back(element.AsDocument());
    }
    const auto session = wanted.Find("session");
    size_t made = 0;
    const absl::Status decoded = decoder.Decode(entry, [&](const event::ChangeEvent& event) {
      if (made < events.size()) CheckEvent(event, events[made]);
      EXPECT_EQ(event.position.ts, *EntryTimestamp(entry));
      EXPECT_EQ(event::ToStxnid(event.session),
                session.has_value() ? session->AsString() : std::string_view());
      EXPECT_EQ(event.h.has_value(), entry.Find("h").has_value());
      ++made;
      return absl::OkStatus();
    });
    EXPECT_TRUE(decoded.ok()) << decoded;
    EXPECT_EQ(made, events.size());
    std::map<std::string, int64_t> counted;
    if (const auto list = wanted.Find("counted"); list.has_value()) {
      bson::Reader reader(list->AsDocument());
      for (Element element; reader.Next(&element);) {
        counted[std::string(element.name)] = *element.GetInteger();
      }
    }
    EXPECT_EQ(Counted(metrics), counted);
    EXPECT_EQ(metrics.entries.value(), 1);
    EXPECT_EQ(metrics.bytes.value(), entry.size());
  }
}

std::vector<std::string> Files() {
  std::vector<std::string> files;
  for (const char* version : {"4.2", "4.4", "5.0", "6.0"}) {
    for (const char* kind :
         {"", "-transactions", "-sharded-cfg", "-sharded-shA", "-sharded-shB", "-sharded-shC"}) {
      files.push_back(std::string(version) + kind + ".jsonl");
    }
  }
  return files;
}

INSTANTIATE_TEST_SUITE_P(RealServers, OplogCorpusTest, ::testing::ValuesIn(Files()),
                         [](const auto& instance) {
                           std::string name = instance.param.substr(0, instance.param.size() - 6);
                           for (char& c : name) {
                             if (c == '.' || c == '-') c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace shardtail::tailer
