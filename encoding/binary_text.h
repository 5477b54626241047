#ifndef SHARDTAIL_ENCODING_BINARY_TEXT_H_
#define SHARDTAIL_ENCODING_BINARY_TEXT_H_

#include <cstdint>
#include <string_view>

#include "encoding/output.h"

namespace shardtail::encoding {

// Bytes as text that needs no escape in JSON.

// An ObjectId's 12 bytes as lower-case hexadecimal digits.
void AppendObjectId(const uint8_t* bytes, Output* out);

// Two upper-case hexadecimal digits.
void AppendUpperHexByte(uint8_t byte, Output* out);

// 16 bytes as `00112233-4455-6677-8899-aabbccddeeff`.
void AppendUuid(const uint8_t* bytes, Output* out);

// With padding.
void AppendBase64(std::string_view bytes, Output* out);

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_BINARY_TEXT_H_
