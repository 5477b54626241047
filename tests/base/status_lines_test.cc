#include "base/status_lines.h"

#include <gtest/gtest.h>

namespace shardtail::base {
namespace {

TEST(StatusLinesTest, AreDrawnOverInTheirPlace) {
  StatusLines lines;
  EXPECT_EQ(lines.Set("b", {"one", "two"}, 80), "one\ntwo\n");
  EXPECT_EQ(lines.Set("b", {"three"}, 80), "\x1b[2A\x1b[Jthree\n");
  EXPECT_EQ(lines.Set("a", {"first"}, 80), "\x1b[1A\x1b[Jfirst\nthree\n");
  EXPECT_EQ(lines.Set("b", {}, 80), "\x1b[2A\x1b[Jfirst\n");
  EXPECT_EQ(lines.Set("a", {}, 80), "\x1b[1A\x1b[J");
  EXPECT_EQ(lines.Set("a", {}, 80), "");
}

TEST(StatusLinesTest, StayBelowWhatIsWrittenMeanwhile) {
  StatusLines lines;
  EXPECT_EQ(lines.Above("a log line\n", 80), "a log line\n");
  EXPECT_EQ(lines.Set("a", {"status"}, 80), "status\n");
  EXPECT_EQ(lines.Above("another\n", 80), "\x1b[1A\x1b[Janother\nstatus\n");
}

TEST(StatusLinesTest, ThatAreTooLongAreCut) {
  StatusLines lines;
  EXPECT_EQ(lines.Set("a", {"0123456789"}, 10), "012345678\n");
  EXPECT_EQ(lines.Set("a", {"0123456789"}, 0), "\x1b[1A\x1b[J0\n");
}

}  // namespace
}  // namespace shardtail::base
