#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>

#include "encoding/value_json.h"
#include "mongo/bson.h"
#include "tests/encoding/rendered.h"

namespace shardtail::encoding {
namespace {

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// testdata/rendered_by_debezium.txt.gz, made by make_fixture.py.
TEST(RandomDocumentsTest, AreRenderedAsDebeziumsOwnClassesRenderThem) {
  std::ifstream lines(ENCODING_TESTDATA "/rendered_by_debezium.txt");
  size_t compared = 0;
  for (std::string line; std::getline(lines, line); ++compared) {
    const size_t hex_end = line.find('\t');
    const size_t key_end = line.find('\t', hex_end + 1);
    ASSERT_NE(key_end, std::string::npos);
    const std::string bytes = FromHex(std::string_view(line).substr(0, hex_end));
    const bson::View document = *bson::View::Create(bytes);
    ASSERT_EQ(AsKey(*document.Find("_id")), line.substr(hex_end + 1, key_end - hex_end - 1))
        << "document " << compared;
    ASSERT_EQ(AsValue(document), line.substr(key_end + 1)) << "document " << compared;
  }
  EXPECT_EQ(compared, 2001U);
}

// Whatever is wrong with the bytes: an error, or what they now say, and nothing outside is read.
TEST(RandomDocumentsTest, SurviveAnyWrongByte) {
  std::ifstream lines(ENCODING_TESTDATA "/rendered_by_debezium.txt");
  std::string line;
  for (int i = 0; i < 100 && std::getline(lines, line); ++i) {
    const std::string bytes = FromHex(std::string_view(line).substr(0, line.find('\t')));
    for (size_t at = 4; at + 1 < bytes.size(); ++at) {
      for (const char wrong : {'\x00', '\x0F', '\x7F', '\xFF'}) {
        std::string changed = bytes;
        changed[at] = wrong;
        const bson::View document = *bson::View::Create(changed);
        AsValue(document);
        if (const auto id = document.Find("_id")) AsKey(*id);
      }
    }
  }
}

}  // namespace
}  // namespace shardtail::encoding
