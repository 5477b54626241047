#include "kafka/jaas.h"

#include <gtest/gtest.h>

namespace shardtail::kafka {
namespace {

std::string Mistake(std::string_view text) {
  const auto parsed = ParseJaas(text);
  return parsed.ok() ? "none" : std::string(parsed.status().message());
}

TEST(Jaas, ReadsModuleAndQuotedOptions) {
  const auto entry = ParseJaas(
      "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"alice\" "
      "password=\"s3;cr=t\";");
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->module, "org.apache.kafka.common.security.scram.ScramLoginModule");
  EXPECT_EQ(entry->options.at("username"), "alice");
  EXPECT_EQ(entry->options.at("password"), "s3;cr=t");
}

TEST(Jaas, ReadsUnquotedOptionsAndBlanksOfAllKinds) {
  const auto entry = ParseJaas("\n m REQUIRED\n\tuseKeyTab = true\n keyTab=/etc/k.keytab ;\n");
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->options.at("useKeyTab"), "true");
  EXPECT_EQ(entry->options.at("keyTab"), "/etc/k.keytab");
}

TEST(Jaas, TakesJavasEscapesInQuotes) {
  const auto entry = ParseJaas(R"(m required password="a\"b\\c\td";)");
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->options.at("password"), "a\"b\\c\td");
}

TEST(Jaas, SaysWhereSomethingIsMissingWithoutShowingTheText) {
  EXPECT_EQ(Mistake(""), "at character 1, the login module is missing");
  EXPECT_EQ(Mistake("m"), "at character 2, `required` is missing");
  EXPECT_EQ(Mistake("m maybe;"), "at character 8, `required` is missing");
  EXPECT_EQ(Mistake("m required password=\"s3cret\""),
            "at character 29, the semicolon that ends the entry is missing");
  EXPECT_EQ(Mistake("m required password \"s3cret\";"),
            "at character 21, an equals sign is missing");
  EXPECT_EQ(Mistake("m required password=\"s3cret;"),
            "at character 29, the closing quote is missing");
  EXPECT_EQ(Mistake("m required; n required;"),
            "at character 13, the end: there must be one login module only is missing");
}

}  // namespace
}  // namespace shardtail::kafka
