#include "offsets/java_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace shardtail::offsets {
namespace {

using testing::HasSubstr;

// Written by Kafka Connect itself; see fixtures/WriteOffsets.java.
std::string WrittenByConnect() {
  std::ifstream file(SHARDTAIL_FIXTURES "/connect-offsets.dat", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Mistake(std::string_view bytes) {
  const auto parsed = ParseJavaMap(bytes);
  if (parsed.ok()) return "none";
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(parsed.status().message());
}

TEST(JavaMap, ReadsWhatKafkaConnectWrote) {
  const auto entries = ParseJavaMap(WrittenByConnect());
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_THAT(
      *entries,
      testing::UnorderedElementsAre(
          JavaMapEntry{R"(["mongo-src",{"rs":"rs0","server_id":"dbserver1"}])",
                       R"({"sec":1795245816,"ord":392,"transaction_id":null,"h":0,)"
                       R"("stxnid":"004e52bc-85d6-4cb4-abc2-0213acaca289:286"})"},
          JavaMapEntry{R"(["mongo-src",{"rs":"rs1","server_id":"dbserver1"}])",
                       R"({"sec":1795247856,"ord":100,"transaction_id":null,"h":null,)"
                       R"("stxnid":null,"tord":3})"},
          JavaMapEntry{R"(["mongo-src",{"rs":"gone","server_id":"dbserver1"}])", std::nullopt},
          JavaMapEntry{R"(["orders",{"server":"mysql1"}])",
                       R"({"file":"binlog.000003","pos":154})"}));
}

TEST(JavaMap, WritesTheBytesThatKafkaConnectWrote) {
  const std::string bytes = WrittenByConnect();
  ASSERT_FALSE(bytes.empty());
  EXPECT_EQ(SerializeJavaMap(*ParseJavaMap(bytes)), bytes);
}

TEST(JavaMap, ReadsWhatItWrote) {
  std::vector<JavaMapEntry> entries;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(*ParseJavaMap(SerializeJavaMap(entries)), entries) << i;
    entries.push_back({std::to_string(i), i % 3 == 0 ? std::nullopt
                                                     : std::optional<std::string>(std::string(
                                                           static_cast<size_t>(i * 100), '\xFF'))});
  }
}

TEST(JavaMap, ReadsAReferenceToAnEarlierArray) {
  // The value of the second entry is the same object as that of the first.
  std::string bytes = SerializeJavaMap({{"a", "same"}, {"b", "x"}});
  const size_t last = bytes.rfind(std::string("\x75\x71\x00\x7E\x00\x02\x00\x00\x00\x01x", 11));
  ASSERT_NE(last, std::string::npos);
  // Numbered from the map's class: 3 is "a", 4 its value.
  bytes = bytes.substr(0, last) + std::string("\x71\x00\x7E\x00\x04\x78", 6);
  EXPECT_THAT(*ParseJavaMap(bytes),
              testing::ElementsAre(JavaMapEntry{"a", "same"}, JavaMapEntry{"b", "same"}));
}

TEST(JavaMap, NamesTheByteWhereItStopsToBeAMap) {
  EXPECT_EQ(Mistake("{\"sec\": 1}"), "at byte 0 is not the beginning of serialized Java objects");
  EXPECT_EQ(Mistake(std::string("\xAC\xED\x00\x05", 4)),
            "at byte 4, it ends within a java.util.HashMap");
  std::string bytes = WrittenByConnect();
  bytes[10] = 'X';
  EXPECT_EQ(Mistake(bytes), "at byte 6 is not a java.util.HashMap");
  EXPECT_EQ(Mistake(WrittenByConnect() + "x"),
            "at byte " + std::to_string(WrittenByConnect().size()) + " is not the end of the file");
}

TEST(JavaMap, RefusesAReferenceToNothing) {
  std::string bytes = SerializeJavaMap({{"a", "b"}});
  const std::string value(
      "\x75\x71\x00\x7E\x00\x02\x00\x00\x00\x01"
      "b",
      11);
  const size_t at = bytes.rfind(value);
  ASSERT_NE(at, std::string::npos);
  for (const char handle : {'\0', '\1', '\2', '\4', '\x7F'}) {
    std::string broken = bytes.substr(0, at) + std::string("\x71\x00\x7E\x00", 4);
    broken += handle;
    EXPECT_THAT(Mistake(broken + "\x78"), HasSubstr("is not a reference to an earlier array"));
  }
}

TEST(JavaMap, RefusesEveryPartAndSurvivesEveryChangedByte) {
  const std::string bytes = WrittenByConnect();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(Mistake(bytes.substr(0, size)), HasSubstr("it ends within")) << size;
  }
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ flip);
      // Right or wrong, but never beyond the bytes.
      ParseJavaMap(changed).status().IgnoreError();
    }
  }
}

}  // namespace
}  // namespace shardtail::offsets
