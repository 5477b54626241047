#include "encoding/binary_text.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace shardtail::encoding {
namespace {

template <typename Append>
std::string Written(Append append) {
  std::string text;
  {
    Output out(&text);
    append(&out);
  }
  return text;
}

constexpr std::array<uint8_t, 16> kBytes = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                            0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};

TEST(BinaryTextTest, WritesHexadecimalDigits) {
  EXPECT_EQ(Written([](Output* out) { AppendObjectId(kBytes.data() + 4, out); }),
            "445566778899aabbccddeeff");
  EXPECT_EQ(Written([](Output* out) { AppendUpperHexByte(0x0A, out); }), "0A");
  EXPECT_EQ(Written([](Output* out) { AppendUpperHexByte(0xFF, out); }), "FF");
}

TEST(BinaryTextTest, WritesUuidsWithTheirDashes) {
  EXPECT_EQ(Written([](Output* out) { AppendUuid(kBytes.data(), out); }),
            "00112233-4455-6677-8899-aabbccddeeff");
}

TEST(BinaryTextTest, PadsBase64) {
  const auto base64 = [](std::string_view bytes) {
    return Written([bytes](Output* out) { AppendBase64(bytes, out); });
  };
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("\xFF\xFE\xFB"), "//77");
}

}  // namespace
}  // namespace shardtail::encoding
