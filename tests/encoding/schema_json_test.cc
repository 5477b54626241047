#include "encoding/schema_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <string>
#include <string_view>

namespace shardtail::encoding {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

std::string ValueSchemaJson(std::string_view topic, SourceVersion source_version) {
  return ValueSchemaBegin(source_version) + ValueSchemaEnd(topic);
}

// Both versions of the whole block are compared byte by byte in golden_test.cc.

TEST(SchemaJsonTest, NamesTheSchemasAfterTheTopic) {
  EXPECT_EQ(KeySchemaJson("s.my-db.c"),
            R"({"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],)"
            R"("optional":false,"name":"s.my_db.c.Key"})");
  EXPECT_THAT(ValueSchemaJson("s.my-db.c", SourceVersion::kV2),
              EndsWith(R"("optional":false,"name":"s.my_db.c.Envelope"})"));
}

TEST(SchemaJsonTest, IsJsonWithTheFieldsOfItsSourceVersion) {
  const std::string v1 = ValueSchemaJson("s.db.c", SourceVersion::kV1);
  const std::string v2 = ValueSchemaJson("s.db.c", SourceVersion::kV2);
  for (const std::string& schema : {v1, v2}) {
    rapidjson::Document parsed;
    parsed.Parse(schema.data(), schema.size());
    ASSERT_FALSE(parsed.HasParseError());
    EXPECT_EQ(parsed["fields"].Size(), 7U);
  }
  EXPECT_THAT(v1, HasSubstr(R"("default":false,"field":"initsync")"));
  EXPECT_THAT(v2, HasSubstr(R"("default":"false","field":"snapshot")"));
}

}  // namespace
}  // namespace shardtail::encoding
