#include "base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/handle.h"

namespace shardtail::base {
namespace {

// Names are at most 255 bytes long; an honest pattern needs far fewer steps than this.
constexpr uint32_t kMatchLimit = 100'000;

std::string ErrorText(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

struct Regex::Code {
  Handle<pcre2_code, pcre2_code_free> code;
  Handle<pcre2_match_context, pcre2_match_context_free> context;
};

Regex::Regex(std::string pattern, std::shared_ptr<const Code> code)
    : pattern_(std::move(pattern)), code_(std::move(code)) {}

absl::StatusOr<Regex> Regex::Create(std::string_view pattern, bool ignore_case) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  const uint32_t options =
      PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | (ignore_case ? uint32_t{PCRE2_CASELESS} : 0U);
  pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                       options, &error, &offset, nullptr);
  if (compiled == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("invalid regular expression '{}': {} at character {}", pattern,
                    ErrorText(error), offset + 1));
  }
  auto code = std::make_shared<Code>();
  code->code.reset(compiled);
  code->context.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(code->context.get(), kMatchLimit);
  return Regex(std::string(pattern), std::move(code));
}

absl::StatusOr<bool> Regex::FullMatch(std::string_view text) const {
  const Handle<pcre2_match_data, pcre2_match_data_free> match(
      pcre2_match_data_create_from_pattern(code_->code.get(), nullptr));
  const int result =
      pcre2_match(code_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                  PCRE2_ANCHORED | PCRE2_ENDANCHORED, match.get(), code_->context.get());
  if (result >= 0) return true;
  if (result == PCRE2_ERROR_NOMATCH) return false;
  return absl::ResourceExhaustedError(
      fmt::format("regular expression '{}' on '{}': {}", pattern_, text, ErrorText(result)));
}

bool AnyFullMatch(std::span<const Regex> patterns, std::string_view text) {
  return std::ranges::any_of(
      patterns, [text](const Regex& pattern) { return pattern.FullMatch(text).value_or(false); });
}

}  // namespace shardtail::base
