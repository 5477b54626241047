#ifndef SHARDTAIL_TESTS_ENCODING_RENDERED_H_
#define SHARDTAIL_TESTS_ENCODING_RENDERED_H_

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "encoding/json_escape.h"
#include "encoding/key_json.h"
#include "encoding/output.h"
#include "encoding/value_json.h"
#include "mongo/bson.h"

namespace shardtail::encoding {

// What a reader of the outer JSON gets from the inside of one of its strings, which must be escaped
// there as Jackson does.
inline std::string Unquoted(const std::string& inside) {
  rapidjson::Document parsed;
  const std::string text = "\"" + inside + "\"";
  parsed.Parse<rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  if (parsed.HasParseError()) return "(no string of JSON: " + inside + ")";
  std::string read(parsed.GetString(), parsed.GetStringLength());
  EXPECT_EQ(QuoteJson(read), text);
  return read;
}

// A document or an element as the string in `after`, and an element as the `id` of a key. The bytes
// are copied to a buffer of their own size first, so that the sanitizer sees any read outside it.

inline std::string AsValue(bson::View document) {
  const std::vector<char> copy(document.bytes().begin(), document.bytes().end());
  std::string text = "what was there before";
  {
    Output out(&text);
    const absl::Status status =
        AppendValueJson(*bson::View::Create({copy.data(), copy.size()}), &out);
    if (!status.ok()) return std::string(status.message());
  }
  return Unquoted(text);
}

inline std::string ElementAs(absl::Status (*append)(const bson::Element&, Output*),
                             bson::Element element) {
  const std::vector<uint8_t> copy(element.value, element.value + element.value_size);
  element.value = copy.data();
  std::string text = "what was there before";
  {
    Output out(&text);
    const absl::Status status = append(element, &out);
    if (!status.ok()) return std::string(status.message());
  }
  return Unquoted(text);
}
inline std::string AsValue(const bson::Element& element) {
  return ElementAs(&AppendValueJson, element);
}
inline std::string AsKey(const bson::Element& element) {
  return ElementAs(&AppendKeyJson, element);
}

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_TESTS_ENCODING_RENDERED_H_
