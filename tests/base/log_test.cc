#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace shardtail::base {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

class LogTest : public ::testing::Test {
 protected:
  void TearDown() override { ConfigureLog({}); }

  // What `write` puts on standard error.
  template <typename Write>
  static std::string Written(Write write) {
    ::testing::internal::CaptureStderr();
    write();
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, ALineOfTextIsLikeDebeziums) {
  ConfigureLog({.connector_name = "shop"});
  EXPECT_THAT(Written([] { LogInfo("{} documents", 3); }),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3} "
                           "INFO  MongoDB\\|shop\\|  3 documents\n"));
}

TEST_F(LogTest, ALineOfJsonCarriesDebeziumsContextKeys) {
  ConfigureLog({.format = LogFormat::kJson, .connector_name = "shop"});
  EXPECT_THAT(
      Written([] {
        const ScopedLogContext context("rs0");
        LogError("gone");
      }),
      MatchesRegex(
          "\\{\"timestamp\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z\","
          "\"level\":\"ERROR\",\"message\":\"gone\",\"mdc\":\\{\"dbz\\.connectorType\":\"MongoDB\","
          "\"dbz\\.connectorName\":\"shop\",\"dbz\\.connectorContext\":\"rs0\"\\}\\}\n"));
}

TEST_F(LogTest, JsonEscapesWhatItMust) {
  ConfigureLog({.format = LogFormat::kJson, .connector_name = "a\"b"});
  const std::string line = Written([] { LogInfo("{}", "say \"hi\" \\ to\nall\x01 é"); });
  EXPECT_THAT(line, HasSubstr(R"("message":"say \"hi\" \\ to\u000aall\u0001 é")"));
  EXPECT_THAT(line, HasSubstr(R"("dbz.connectorName":"a\"b")"));
}

TEST_F(LogTest, LinesBelowTheLevelAreNotWritten) {
  ConfigureLog({.level = LogLevel::kWarn});
  EXPECT_FALSE(LogEnabled(LogLevel::kInfo));
  EXPECT_TRUE(LogEnabled(LogLevel::kWarn));
  EXPECT_THAT(Written([] {
                LogDebug("debug");
                LogInfo("info");
              }),
              IsEmpty());
  EXPECT_THAT(Written([] { LogWarn("careful"); }), HasSubstr("WARN  MongoDB||  careful\n"));
}

TEST_F(LogTest, EachLevelHasItsName) {
  ConfigureLog({.level = LogLevel::kTrace});
  EXPECT_THAT(Written([] { WriteLog(LogLevel::kTrace, "x"); }), HasSubstr(" TRACE MongoDB"));
  EXPECT_THAT(Written([] { LogDebug("x"); }), HasSubstr(" DEBUG MongoDB"));
  EXPECT_THAT(Written([] { LogInfo("x"); }), HasSubstr(" INFO  MongoDB"));
  EXPECT_THAT(Written([] { LogWarn("x"); }), HasSubstr(" WARN  MongoDB"));
  EXPECT_THAT(Written([] { LogError("x"); }), HasSubstr(" ERROR MongoDB"));
}

TEST_F(LogTest, AMessageIsNotAFormat) {
  EXPECT_THAT(Written([] { WriteLog(LogLevel::kInfo, "{} %s"); }), HasSubstr("  {} %s\n"));
}

TEST_F(LogTest, TheContextIsOfItsThreadAndScope) {
  const ScopedLogContext outer("rs0");
  EXPECT_THAT(Written([] {
                const ScopedLogContext inner("snapshot");
                LogInfo("inner");
              }),
              HasSubstr("|snapshot  inner"));
  EXPECT_THAT(Written([] { LogInfo("outer"); }), HasSubstr("|rs0  outer"));
  EXPECT_THAT(Written([] { std::jthread([] { LogInfo("other"); }); }), HasSubstr("||  other"));
}

}  // namespace
}  // namespace shardtail::base
