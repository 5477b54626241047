#include "mongo/bson_compare.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"

namespace shardtail::bson {
namespace {

struct Ranked {
  int rank;
  Document document;
  Element value() const { return *document.view().Find("v"); }
};

// What real servers said: see make_order.py.
std::vector<Ranked> ServersOrder() {
  std::ifstream file(TESTDATA_DIR "/order.txt");
  std::vector<Ranked> values;
  int rank = 0;
  std::string hex;
  while (file >> rank >> hex) {
    values.push_back({rank, Document(absl::HexStringToBytes(hex))});
  }
  return values;
}

std::weak_ordering CompareValues(std::string_view a, std::string_view b) {
  const Document left = *FromJson(a);
  const Document right = *FromJson(b);
  return Compare(*left.view().Find("v"), *right.view().Find("v"));
}

TEST(BsonCompareTest, IsTheOrderOfRealServersForEveryPair) {
  const std::vector<Ranked> values = ServersOrder();
  ASSERT_GT(values.size(), 500U);
  int differing = 0;
  for (const Ranked& a : values) {
    for (const Ranked& b : values) {
      if (Compare(a.value(), b.value()) == (a.rank <=> b.rank)) continue;
      if (++differing > 10) return;
      ADD_FAILURE() << ToDebugString(a.document) << " (" << a.rank << ") against "
                    << ToDebugString(b.document) << " (" << b.rank << ")";
    }
  }
}

TEST(BsonCompareTest, ComparesNumbersOfAllTypesByTheirExactValue) {
  // 2^53 + 1 has no double: rounded, it would equal its neighbour.
  EXPECT_EQ(CompareValues(R"({"v": {"$numberLong": "9007199254740993"}})",
                          R"({"v": {"$numberDouble": "9007199254740992.0"}})"),
            std::weak_ordering::greater);
  EXPECT_EQ(CompareValues(R"({"v": {"$numberDecimal": "0.1"}})", R"({"v": 0.1})"),
            std::weak_ordering::less);
  EXPECT_EQ(
      CompareValues(R"({"v": {"$numberDecimal": "1.50"}})", R"({"v": {"$numberDouble": "1.5"}})"),
      std::weak_ordering::equivalent);
  EXPECT_EQ(CompareValues(R"({"v": {"$numberDouble": "-Infinity"}})",
                          R"({"v": {"$numberDecimal": "-9.9E+6144"}})"),
            std::weak_ordering::less);
}

TEST(BsonCompareTest, DoesNotLookAtTheNamesOfTheTwoValues) {
  const Document document = *FromJson(R"({"a": 1, "b": {"$numberLong": "1"}})");
  EXPECT_EQ(Compare(*document.view().Find("a"), *document.view().Find("b")),
            std::weak_ordering::equivalent);
}

}  // namespace
}  // namespace shardtail::bson
