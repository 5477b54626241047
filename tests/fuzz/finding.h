#ifndef SHARDTAIL_TESTS_FUZZ_FINDING_H_
#define SHARDTAIL_TESTS_FUZZ_FINDING_H_

#include <rapidjson/document.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace shardtail::fuzz {

// What must hold for every input: where it does not, the input is kept as a finding.
inline void Require(bool holds, std::string_view what, std::string_view seen = {}) {
  if (holds) return;
  std::fprintf(stderr, "finding: not %.*s\n%.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(seen.size()), seen.data());
  std::abort();
}

// Bytes in an allocation of their own and of their size, so that AddressSanitizer sees the first
// byte that is read behind them.
class OwnBytes {
 public:
  explicit OwnBytes(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

// One JSON text in valid UTF-8, and nothing behind it. Numbers of any size are numbers.
inline rapidjson::Document RequireJson(std::string_view text, std::string_view what) {
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::Document json;
  json.Parse<kFlags>(text.data(), text.size());
  Require(!json.HasParseError(), what, text);
  return json;
}

}  // namespace shardtail::fuzz

#endif  // SHARDTAIL_TESTS_FUZZ_FINDING_H_
