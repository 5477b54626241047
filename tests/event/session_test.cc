#include "event/session.h"

#include <gtest/gtest.h>

namespace shardtail::event {
namespace {

TEST(SessionTransactionTest, StxnidIsTheUuidAndTheNumber) {
  SessionTransaction session{.session_id = {0x83, 0x51, 0x95, 0x93, 0x4c, 0x4e, 0x47, 0x41, 0x56,
                                            0x9f, 0x5a, 0xdd, 0x97, 0x55, 0xdd, 0x32},
                             .number = 7,
                             .present = true};
  EXPECT_EQ(ToStxnid(session), "83519593-4c4e-4741-569f-5add9755dd32:7");
  EXPECT_EQ(FromStxnid("83519593-4c4e-4741-569f-5add9755dd32:7"), session);
}

TEST(SessionTransactionTest, RoundTripsTheLargestNumber) {
  const std::string text = "00000000-0000-0000-0000-0000000000ff:9223372036854775807";
  EXPECT_EQ(ToStxnid(FromStxnid(text)), text);
}

TEST(SessionTransactionTest, WithoutASessionThereIsNoText) {
  EXPECT_EQ(ToStxnid(SessionTransaction{}), "");
}

TEST(SessionTransactionTest, OtherTextsAreNoSession) {
  for (const char* text :
       {"", "x", "83519593-4c4e-4741-569f-5add9755dd32",
        "83519593-4c4e-4741-569f-5add9755dd32:", "83519593-4c4e-4741-569f-5add9755dd32:7x",
        "83519593+4c4e-4741-569f-5add9755dd32:7", "8351959g-4c4e-4741-569f-5add9755dd32:7",
        "83519593-4c4e-4741-569f-5add9755dd32:99999999999999999999"}) {
    EXPECT_EQ(FromStxnid(text), SessionTransaction{}) << text;
  }
}

}  // namespace
}  // namespace shardtail::event
