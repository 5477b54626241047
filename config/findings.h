#ifndef SHARDTAIL_CONFIG_FINDINGS_H_
#define SHARDTAIL_CONFIG_FINDINGS_H_

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shardtail::config {

// What is to be said about properties, in the order found; those of which the same is to be said
// share a line.
class Findings {
 public:
  void Add(std::string_view name, std::string_view text) {
    for (auto& [known, names] : findings_) {
      if (known == text) {
        names += fmt::format(", {}", name);
        return;
      }
    }
    findings_.emplace_back(text, name);
  }

  bool empty() const { return findings_.empty(); }

  // `name, name: text`.
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    for (const auto& [text, names] : findings_) lines.push_back(fmt::format("{}: {}", names, text));
    return lines;
  }

 private:
  std::vector<std::pair<std::string, std::string>> findings_;  // text, names
};

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_FINDINGS_H_
