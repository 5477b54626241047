#include "config/connect_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardtail::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

RawProperties Parsed(std::string_view text) {
  const absl::StatusOr<RawProperties> parsed = ParseConnectJson(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.value_or(RawProperties());
}

std::string ErrorOf(std::string_view text) {
  const absl::StatusOr<RawProperties> parsed = ParseConnectJson(text);
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(parsed.status().message());
}

TEST(ConnectJsonTest, ReadsWhatOnePostsToKafkaConnect) {
  EXPECT_THAT(Parsed(R"({"name": "n", "config": {"mongodb.name": "shop", "tasks.max": "1"}})"),
              ElementsAre(Pair("mongodb.name", "shop"), Pair("name", "n"), Pair("tasks.max", "1")));
}

TEST(ConnectJsonTest, ReadsTheObjectOfPropertiesAlone) {
  EXPECT_THAT(Parsed(R"({"name": "n", "mongodb.name": "shop"})"),
              ElementsAre(Pair("mongodb.name", "shop"), Pair("name", "n")));
  EXPECT_THAT(Parsed("{}"), IsEmpty());
}

TEST(ConnectJsonTest, ReadsWhatKafkaConnectAnswers) {
  EXPECT_THAT(Parsed(R"({"name": "n", "config": {"a": "1"}, "type": "source",
                         "tasks": [{"connector": "n", "task": 0}]})"),
              ElementsAre(Pair("a", "1"), Pair("name", "n")));
}

TEST(ConnectJsonTest, NumbersAndBooleansAreTakenAsWritten) {
  EXPECT_THAT(Parsed(R"({"a": 9007199254740993, "b": true, "c": false, "d": 1.50, "e": -1})"),
              ElementsAre(Pair("a", "9007199254740993"), Pair("b", "true"), Pair("c", "false"),
                          Pair("d", "1.50"), Pair("e", "-1")));
}

TEST(ConnectJsonTest, StringsMayHoldEscapesAndUtf8) {
  EXPECT_THAT(Parsed("\xef\xbb\xbf{\"a\": \"\\u00e9€\\\\.\"}"), ElementsAre(Pair("a", "é€\\.")));
}

TEST(ConnectJsonTest, SyntaxErrorsNameLineAndColumn) {
  EXPECT_EQ(ErrorOf("{\n  \"a\": \"1\"\n  \"b\": 2\n}"),
            "line 3, column 3: Missing a comma or '}' after an object member.");
  EXPECT_EQ(ErrorOf("{\"a\": }"), "line 1, column 7: Invalid value.");
  EXPECT_EQ(ErrorOf("{\"a\": \"\xff\"}"), "line 1, column 8: Invalid encoding in string.");
  EXPECT_EQ(ErrorOf("{\"a\": 1} x"),
            "line 1, column 10: The document root must not be followed by other values.");
}

TEST(ConnectJsonTest, ValuesOfOtherTypesAreAllNamed) {
  EXPECT_EQ(ErrorOf(R"({"a": null, "b": [1], "c": {"d": 1}, "e": "ok"})"),
            "a: is null; give a string, a number or a boolean\n"
            "b: is an array; give a string, a number or a boolean\n"
            "c: is an object; give a string, a number or a boolean");
}

TEST(ConnectJsonTest, OtherShapesAreMistakes) {
  EXPECT_EQ(ErrorOf("[{}]"), "is not a JSON object of properties");
  EXPECT_EQ(ErrorOf(R"({"name": "n", "config": "x"})"), "config: is not an object of properties");
  EXPECT_EQ(ErrorOf(R"({"name": 1, "config": {}, "initial_state": "STOPPED"})"),
            "initial_state: is not known beside name and config");
  EXPECT_EQ(ErrorOf(R"({"name": true, "config": {}})"), "name: is not a string");
  EXPECT_EQ(ErrorOf(R"({"name": "a", "config": {"name": "b"}})"),
            "name: is 'a' beside config and 'b' in it; give one");
}

TEST(ConnectJsonTest, DeepNestingIsAMistakeAndNoCrash) {
  EXPECT_EQ(ErrorOf("{\"a\": " + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}"),
            "a: is an array; give a string, a number or a boolean");
}

}  // namespace
}  // namespace shardtail::config
