#include "encoding/output.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace shardtail::encoding {
namespace {

TEST(OutputTest, ReplacesWhatTheStringHeld) {
  std::string text = "a long text from the record before";
  {
    Output out(&text);
    out.Append("short");
  }
  EXPECT_EQ(text, "short");
  { const Output nothing(&text); }
  EXPECT_EQ(text, "");
}

TEST(OutputTest, GrowsAsFarAsIsNeeded) {
  std::string text;
  std::string expected;
  {
    Output out(&text);
    for (int i = 0; i < 10000; ++i) {
      out.Append("literal");
      out.Append(std::string_view("view"));
      out.Append('c');
      out.AppendInteger(i);
      expected += "literalviewc" + std::to_string(i);
    }
    EXPECT_EQ(out.written(), expected.size());
  }
  EXPECT_EQ(text, expected);
}

TEST(OutputTest, WritesIntegersOfEveryLength) {
  std::string text;
  {
    Output out(&text);
    out.AppendInteger(std::numeric_limits<int64_t>::min());
    out.Append(' ');
    out.AppendInteger(std::numeric_limits<uint64_t>::max());
    out.Append(' ');
    out.AppendInteger(std::numeric_limits<int32_t>::min());
  }
  EXPECT_EQ(text, "-9223372036854775808 18446744073709551615 -2147483648");
}

TEST(OutputTest, CountsOnlyWhatIsAdvancedOver) {
  std::string text;
  {
    Output out(&text);
    char* to = out.Reserve(16);
    std::memcpy(to, "0123456789abcdef", 16);
    out.Advance(to + 3);
    out.Append('!');
  }
  EXPECT_EQ(text, "012!");
}

}  // namespace
}  // namespace shardtail::encoding
