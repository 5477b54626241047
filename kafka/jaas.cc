#include "kafka/jaas.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/status_macros.h"

namespace shardtail::kafka {
namespace {

class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}

  absl::StatusOr<std::string> Word(std::string_view what) {
    SkipBlanks();
    if (at_ < text_.size() && text_[at_] == '"') return Quoted();
    const size_t begin = at_;
    while (at_ < text_.size() && !IsBlank(text_[at_]) && text_[at_] != '=' && text_[at_] != ';') {
      ++at_;
    }
    if (at_ == begin) return Expected(what);
    return std::string(text_.substr(begin, at_ - begin));
  }

  bool Take(char c) {
    SkipBlanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool AtEnd() {
    SkipBlanks();
    return at_ == text_.size();
  }

  absl::Status Expected(std::string_view what) const {
    return absl::InvalidArgumentError(fmt::format("at character {}, {} is missing", at_ + 1, what));
  }

 private:
  static bool IsBlank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

  void SkipBlanks() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
  }

  absl::StatusOr<std::string> Quoted() {
    std::string word;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return word;
      }
      if (c == '\\' && at_ + 1 < text_.size()) {
        word += Unescaped(text_[++at_]);
      } else {
        word += c;
      }
    }
    return Expected("the closing quote");
  }

  static char Unescaped(char c) {
    switch (c) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      default:
        return c;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

absl::StatusOr<JaasEntry> ParseJaas(std::string_view text) {
  Tokens tokens(text);
  JaasEntry entry;
  SHARDTAIL_ASSIGN_OR_RETURN(entry.module, tokens.Word("the login module"));
  SHARDTAIL_ASSIGN_OR_RETURN(const std::string flag, tokens.Word("`required`"));
  constexpr std::string_view kFlags[] = {"required", "requisite", "sufficient", "optional"};
  std::string lowered = flag;
  std::ranges::transform(lowered, lowered.begin(), [](unsigned char c) { return std::tolower(c); });
  if (std::ranges::find(kFlags, lowered) == std::end(kFlags)) return tokens.Expected("`required`");
  while (!tokens.Take(';')) {
    if (tokens.AtEnd()) return tokens.Expected("the semicolon that ends the entry");
    SHARDTAIL_ASSIGN_OR_RETURN(const std::string name, tokens.Word("an option"));
    if (!tokens.Take('=')) return tokens.Expected("an equals sign");
    SHARDTAIL_ASSIGN_OR_RETURN(entry.options[name], tokens.Word("an option's value"));
  }
  if (!tokens.AtEnd()) return tokens.Expected("the end: there must be one login module only");
  return entry;
}

}  // namespace shardtail::kafka
