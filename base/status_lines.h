#ifndef SHARDTAIL_BASE_STATUS_LINES_H_
#define SHARDTAIL_BASE_STATUS_LINES_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shardtail::base {

// Lines at the bottom of a terminal that are drawn anew in their place, below all that is written
// meanwhile: what to write for it, in the control sequences of every terminal (ECMA-48). One thread
// at a time.
class StatusLines {
 public:
  // The lines of `owner`, in place of those before; none: it has nothing to show any more. Those of
  // several owners stand in the order of their names. `columns` is the terminal's width: longer
  // lines (of ASCII) are cut, for one that wraps could not be drawn over.
  std::string Set(const std::string& owner, std::vector<std::string> lines, size_t columns);

  // `text`, which ends with a newline, above the lines.
  std::string Above(std::string_view text, size_t columns);

 private:
  std::string Erase();
  std::string Draw(size_t columns);

  std::map<std::string, std::vector<std::string>> lines_;
  size_t drawn_ = 0;
};

}  // namespace shardtail::base

#endif  // SHARDTAIL_BASE_STATUS_LINES_H_
