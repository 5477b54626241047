#include "base/utf8.h"

#include <rapidjson/encodings.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/stringbuffer.h>

namespace shardtail::base {

bool IsUtf8(std::string_view text) {
  rapidjson::MemoryStream source(text.data(), text.size());
  rapidjson::StringBuffer copy;
  while (source.Tell() < text.size()) {
    if (!rapidjson::UTF8<>::Validate(source, copy) || source.Tell() > text.size()) return false;
    copy.Clear();
  }
  return true;
}

}  // namespace shardtail::base
