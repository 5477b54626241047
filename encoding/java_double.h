#ifndef SHARDTAIL_ENCODING_JAVA_DOUBLE_H_
#define SHARDTAIL_ENCODING_JAVA_DOUBLE_H_

#include <cstddef>

namespace shardtail::encoding {

// The longest is -1.7976931348623157E308; what the conversion writes on the way is no longer.
constexpr size_t kJavaDoubleSize = 32;

// Writes `value` as Java's Double.toString does since JDK 19: the shortest digits that read back as
// the same double, at least one after the point, `1.0E7` from 10^7 and `1.0E-4` below 10^-3; `NaN`,
// `Infinity`, `-Infinity`. Returns the end; `to` must have room for kJavaDoubleSize bytes.
//
// (Before JDK 19 the digits were not always the shortest: 2.0E23 came out as 1.9999999999999998E23,
// see JDK-4511638.)
char* WriteJavaDouble(double value, char* to);

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_JAVA_DOUBLE_H_
