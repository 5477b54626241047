#include "signals/signal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardtail::signals {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string MistakeIn(std::string_view json) {
  const absl::StatusOr<Signal> signal = ParseSignal(json);
  EXPECT_EQ(signal.status().code(), absl::StatusCode::kInvalidArgument) << json;
  return std::string(signal.status().message());
}

Signal Parsed(std::string_view json) {
  absl::StatusOr<Signal> signal = ParseSignal(json);
  EXPECT_TRUE(signal.ok()) << json << ": " << signal.status();
  return signal.ok() ? *std::move(signal) : Signal();
}

TEST(SignalTest, ExecuteSnapshotNamesCollectionsAndConditions) {
  const Signal signal = Parsed(R"( {"id": "924e3ff8", "type": "execute-snapshot", "data": {
      "data-collections": ["shop[.]orders", " shop\\.c.* "], "type": "INCREMENTAL",
      "additional-conditions": [
        {"data-collection": "shop.orders", "filter": "{\"n\": {\"$gt\": 5}}"},
        {"data-collection": "shop.customers", "filter": {"_id": {"$oid": "5f3e00000000000000000001"}}}]}} )");
  EXPECT_EQ(signal.action, Action::kExecuteSnapshot);
  EXPECT_EQ(signal.id, "924e3ff8");
  EXPECT_FALSE(signal.blocking);
  ASSERT_THAT(signal.collections, SizeIs(2));
  EXPECT_TRUE(*signal.collections[0].FullMatch("Shop.Orders"));
  EXPECT_FALSE(*signal.collections[0].FullMatch("shop.orders2"));
  EXPECT_TRUE(*signal.collections[1].FullMatch("shop.customers"));
  ASSERT_THAT(signal.conditions, SizeIs(2));
  EXPECT_TRUE(*signal.conditions[0].collection.FullMatch("shop.orders"));
  const bson::View query = signal.conditions[0].query;
  EXPECT_EQ(query.Find("n")->AsDocument().Find("$gt")->GetInteger(), 5);
  EXPECT_EQ(signal.conditions[1].query.view().Find("_id")->type, bson::Type::kObjectId);
}

TEST(SignalTest, TheSnapshotsTypeIsIncrementalUnlessItSaysBlocking) {
  const auto blocking = [](std::string_view type) {
    return Parsed(R"({"type": "execute-snapshot", "data": {"data-collections": ["a.b"])" +
                  std::string(type) + "}}")
        .blocking;
  };
  EXPECT_FALSE(blocking(""));
  EXPECT_FALSE(blocking(R"(, "type": "incremental")"));
  EXPECT_TRUE(blocking(R"(, "type": "BLOCKING")"));
}

TEST(SignalTest, TheConditionOfEarlierVersionsIsForAllCollections) {
  const Signal signal = Parsed(R"({"type": "execute-snapshot", "data": {
      "data-collections": ["a.b"], "additional-condition": "{\"x\": 1}"}})");
  ASSERT_THAT(signal.conditions, SizeIs(1));
  EXPECT_TRUE(*signal.conditions[0].collection.FullMatch("any.thing"));
}

TEST(SignalTest, StopPauseAndResumeNeedNoData) {
  EXPECT_EQ(Parsed(R"({"type": "stop-snapshot"})").action, Action::kStopSnapshot);
  EXPECT_THAT(Parsed(R"({"type": "stop-snapshot", "data": {"data-collections": []}})").collections,
              IsEmpty());
  EXPECT_THAT(
      Parsed(R"({"type": "stop-snapshot", "data": {"data-collections": ["a.b"]}})").collections,
      SizeIs(1));
  EXPECT_EQ(Parsed(R"({"type": "pause-snapshot", "data": null})").action, Action::kPauseSnapshot);
  EXPECT_EQ(Parsed(R"({"type": "resume-snapshot", "data": ""})").action, Action::kResumeSnapshot);
}

TEST(SignalTest, LogHasAMessage) {
  const Signal signal = Parsed(R"({"type": "log", "data": {"message": "at {}"}})");
  EXPECT_EQ(signal.action, Action::kLog);
  EXPECT_EQ(signal.message, "at {}");
  EXPECT_THAT(MistakeIn(R"({"type": "log", "data": {}})"), HasSubstr("data.message: is missing"));
}

TEST(SignalTest, ADocumentOfASignalCollectionIsReadToo) {
  for (const auto& [type, data] : {std::pair("type", "data"), std::pair("kind", "payload")}) {
    bson::Builder document;
    document.Int32("_id", 7)
        .String(type, "execute-snapshot")
        .String(data, R"({"data-collections": ["shop.orders"]})");
    const absl::StatusOr<Signal> signal = ParseSignal(document.view());
    ASSERT_TRUE(signal.ok()) << signal.status();
    EXPECT_THAT(signal->id, HasSubstr("7"));
    EXPECT_THAT(signal->collections, SizeIs(1));
  }
}

TEST(SignalTest, ATypeThatIsNotKnownIsNoMistakeOfForm) {
  for (const char* type : {"schema-changes", "snapshot-window-open", "EXECUTE-SNAPSHOT", ""}) {
    const absl::StatusOr<Signal> signal =
        ParseSignal(R"({"type": ")" + std::string(type) + R"(", "data": 5})");
    EXPECT_EQ(signal.status().code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(std::string(signal.status().message()),
                HasSubstr("'" + std::string(type) + "' is not one of execute-snapshot"));
  }
}

TEST(SignalTest, MistakesNameTheField) {
  EXPECT_THAT(MistakeIn(""), HasSubstr("is not a JSON document"));
  EXPECT_THAT(MistakeIn("[]"), HasSubstr("is not a JSON document"));
  EXPECT_THAT(MistakeIn("{"), HasSubstr("is not JSON: "));
  EXPECT_THAT(MistakeIn("{}"), HasSubstr("type: is missing; give one of execute-snapshot"));
  EXPECT_THAT(MistakeIn(R"({"type": 1})"), HasSubstr("type: is missing"));
  EXPECT_THAT(MistakeIn(R"({"type": "stop-snapshot", "data": 1})"),
              HasSubstr("data: must be a document"));
  EXPECT_THAT(MistakeIn(R"({"type": "stop-snapshot", "data": "{"})"),
              HasSubstr("data: is not extended JSON"));
  const auto execute = [](const std::string& data) {
    return MistakeIn(R"({"type": "execute-snapshot", "data": {)" + data + "}}");
  };
  EXPECT_THAT(execute(""), HasSubstr("data.data-collections: is missing"));
  EXPECT_THAT(execute(R"("data-collections": [])"), HasSubstr("data.data-collections: is missing"));
  EXPECT_THAT(execute(R"("data-collections": "a.b")"), HasSubstr("must be an array"));
  EXPECT_THAT(execute(R"("data-collections": [1])"), HasSubstr("must be a regular expression"));
  EXPECT_THAT(execute(R"("data-collections": ["a("])"), HasSubstr("invalid regular expression"));
  const std::string collections = R"("data-collections": ["a.b"], )";
  EXPECT_THAT(execute(collections + R"("type": "full")"),
              HasSubstr("data.type: must be INCREMENTAL or BLOCKING"));
  const auto condition = [&](const std::string& text) {
    return execute(collections + R"("additional-conditions": )" + text);
  };
  EXPECT_THAT(condition("{}"), HasSubstr("must be an array of documents"));
  EXPECT_THAT(condition("[1]"), HasSubstr("must hold documents"));
  EXPECT_THAT(condition(R"([{"filter": "{}"}])"), HasSubstr("data-collection: is missing"));
  EXPECT_THAT(condition(R"([{"data-collection": "a.b"}])"), HasSubstr("filter: is missing"));
  EXPECT_THAT(condition(R"([{"data-collection": "a.b", "filter": "color='blue'"}])"),
              HasSubstr("filter: 'color='blue'' is not a document"));
}

TEST(SignalTest, EachActionHasItsName) {
  for (const char* name : {"stop-snapshot", "pause-snapshot", "resume-snapshot"}) {
    EXPECT_EQ(NameOf(Parsed(R"({"type": ")" + std::string(name) + R"("})").action), name);
  }
  EXPECT_EQ(NameOf(Action::kExecuteSnapshot), "execute-snapshot");
  EXPECT_EQ(NameOf(Action::kLog), "log");
}

}  // namespace
}  // namespace shardtail::signals
