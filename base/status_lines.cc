#include "base/status_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace shardtail::base {

std::string StatusLines::Set(const std::string& owner, std::vector<std::string> lines,
                             size_t columns) {
  std::string text = Erase();
  if (lines.empty()) {
    lines_.erase(owner);
  } else {
    lines_[owner] = std::move(lines);
  }
  return text + Draw(columns);
}

std::string StatusLines::Above(std::string_view text, size_t columns) {
  std::string all = Erase();
  all += text;
  return all + Draw(columns);
}

std::string StatusLines::Erase() {
  if (drawn_ == 0) return "";
  // Up to the first of them, and all below it away.
  return fmt::format("\x1b[{}A\x1b[J", std::exchange(drawn_, 0));
}

std::string StatusLines::Draw(size_t columns) {
  std::string text;
  for (const auto& [owner, lines] : lines_) {
    for (const std::string& line : lines) {
      text += line.substr(0, std::max<size_t>(columns, 2) - 1);
      text += '\n';
      ++drawn_;
    }
  }
  return text;
}

}  // namespace shardtail::base
