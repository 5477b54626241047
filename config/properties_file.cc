#include "config/properties_file.h"

#include <fmt/format.h>
#include <rapidjson/encodings.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "base/status_macros.h"

namespace shardtail::config {
namespace {

using Utf8 = rapidjson::UTF8<>;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\f'; }
bool IsLineEnd(char c) { return c == '\n' || c == '\r'; }
bool IsSeparator(char c) { return c == '=' || c == ':'; }

// The file as logical lines: without comments, blank lines, and the line ends and indentation that
// a continuation hides. Escapes are still there.
class LogicalLines {
 public:
  explicit LogicalLines(std::string_view text) : rest_(text) {}

  std::optional<std::string> Next() {
    std::string line;
    bool continued = false;
    while (!rest_.empty()) {
      std::string_view natural = TakeNaturalLine();
      while (!natural.empty() && IsBlank(natural.front())) natural.remove_prefix(1);
      if (line.empty()) {
        first_number_ = number_;
        const bool comment = natural.starts_with('#') || natural.starts_with('!');
        if (comment || (natural.empty() && !continued)) continue;
      }
      continued = EndsInBackslash(natural);
      if (continued) natural.remove_suffix(1);
      line += natural;
      if (!continued && !line.empty()) return line;
    }
    if (line.empty()) return std::nullopt;
    return line;
  }

  // The number of the last logical line's first line, from 1.
  int number() const { return first_number_; }

 private:
  std::string_view TakeNaturalLine() {
    ++number_;
    size_t end = 0;
    while (end < rest_.size() && !IsLineEnd(rest_[end])) ++end;
    const std::string_view line = rest_.substr(0, end);
    if (rest_.substr(end).starts_with("\r\n")) ++end;
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }

  static bool EndsInBackslash(std::string_view line) {
    size_t backslashes = 0;
    while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
    return backslashes % 2 == 1;
  }

  std::string_view rest_;
  int number_ = 0;
  int first_number_ = 0;
};

// The four digits after `\u`.
std::optional<unsigned> HexUnit(std::string_view digits) {
  if (digits.size() < 4) return std::nullopt;
  unsigned unit = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + 4, unit, 16);
  if (error != std::errc() || end != digits.data() + 4) return std::nullopt;
  return unit;
}

// Appends the character of the `\uXXXX` (two for a surrogate pair) that `text` starts with, and
// returns the length of what it read.
absl::StatusOr<size_t> AppendUnicode(std::string_view text, std::string* out) {
  const std::optional<unsigned> unit = HexUnit(text.substr(2));
  if (!unit.has_value()) {
    return absl::InvalidArgumentError("\\u needs four hexadecimal digits after it");
  }
  unsigned character = *unit;
  size_t length = 6;
  if (*unit >= 0xd800 && *unit <= 0xdfff) {
    const std::optional<unsigned> low =
        text.substr(length).starts_with("\\u") ? HexUnit(text.substr(length + 2)) : std::nullopt;
    if (*unit >= 0xdc00 || !low.has_value() || *low < 0xdc00 || *low > 0xdfff) {
      return absl::InvalidArgumentError(
          fmt::format("{} is one half of a surrogate pair", text.substr(0, length)));
    }
    character = 0x10000 + ((*unit - 0xd800) << 10) + (*low - 0xdc00);
    length = 12;
  }
  rapidjson::StringBuffer encoded;
  Utf8::Encode(encoded, character);
  out->append(encoded.GetString(), encoded.GetSize());
  return length;
}

absl::StatusOr<std::string> Unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    if (text[i + 1] == 'u') {
      SHARDTAIL_ASSIGN_OR_RETURN(const size_t length, AppendUnicode(text.substr(i), &out));
      i += length - 1;
      continue;
    }
    ++i;
    constexpr std::string_view kLetters = "tnrf";
    const size_t letter = kLetters.find(text[i]);
    out += letter == std::string_view::npos ? text[i] : "\t\n\r\f"[letter];
  }
  return out;
}

absl::Status AddLine(std::string_view line, RawProperties* properties) {
  size_t name_end = 0;
  while (name_end < line.size() && !IsBlank(line[name_end]) && !IsSeparator(line[name_end])) {
    name_end += line[name_end] == '\\' ? 2U : 1U;
  }
  name_end = std::min(name_end, line.size());
  size_t value = name_end;
  while (value < line.size() && IsBlank(line[value])) ++value;
  if (value < line.size() && IsSeparator(line[value])) ++value;
  while (value < line.size() && IsBlank(line[value])) ++value;
  SHARDTAIL_ASSIGN_OR_RETURN(const std::string name, Unescaped(line.substr(0, name_end)));
  if (name.empty()) return absl::InvalidArgumentError("a property's name is missing");
  SHARDTAIL_ASSIGN_OR_RETURN((*properties)[name], Unescaped(line.substr(value)));
  return absl::OkStatus();
}

absl::Status CheckUtf8(std::string_view text) {
  rapidjson::MemoryStream in(text.data(), text.size());
  rapidjson::StringBuffer out;
  int line = 1;
  while (in.Tell() < text.size()) {
    if (text[in.Tell()] == '\n') ++line;
    if (!Utf8::Validate(in, out) || in.Tell() > text.size()) {
      return absl::InvalidArgumentError(
          fmt::format("line {}: is not UTF-8; save the file as UTF-8, or write \\uXXXX", line));
    }
    out.Clear();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RawProperties> ParseProperties(std::string_view text) {
  SHARDTAIL_RETURN_IF_ERROR(CheckUtf8(text));
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  RawProperties properties;
  LogicalLines lines(text);
  while (const std::optional<std::string> line = lines.Next()) {
    if (const absl::Status status = AddLine(*line, &properties); !status.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("line {}: {}", lines.number(), std::string(status.message())));
    }
  }
  return properties;
}

}  // namespace shardtail::config
