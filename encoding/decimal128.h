#ifndef SHARDTAIL_ENCODING_DECIMAL128_H_
#define SHARDTAIL_ENCODING_DECIMAL128_H_

#include <cstddef>
#include <cstdint>

namespace shardtail::encoding {

// Sign, 35 digits, point, exponent; or `0.`, up to five zeros, and the digits.
constexpr size_t kDecimal128Size = 48;

// Writes the 16 bytes of a BSON decimal128 as the Java driver's Decimal128.toString does: `-1.5`,
// `1E+3`, `0E-6176`, `-0`, `NaN`, `-Infinity`. Coefficients beyond 34 digits, which no server
// makes, stand as they are. Returns the end; `to` must have room for kDecimal128Size bytes.
char* WriteDecimal128(const uint8_t* value, char* to);

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_DECIMAL128_H_
