#ifndef SHARDTAIL_BASE_UTF8_H_
#define SHARDTAIL_BASE_UTF8_H_

#include <string_view>

namespace shardtail::base {

// Whether all of the text is UTF-8. To be asked of what RapidJSON has read: it takes the escape of
// half a surrogate pair, and makes bytes of it that it would not read again.
bool IsUtf8(std::string_view text);

}  // namespace shardtail::base

#endif  // SHARDTAIL_BASE_UTF8_H_
