#ifndef SHARDTAIL_ENCODING_OUTPUT_H_
#define SHARDTAIL_ENCODING_OUTPUT_H_

#include <concepts>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "encoding/digits.h"

namespace shardtail::encoding {

// Writes a literal at `to`, and returns the end.
template <size_t kSize>
[[gnu::always_inline]] inline char* Write(const char (&literal)[kSize], char* to) {
  std::memcpy(to, literal, kSize - 1);
  return to + kSize - 1;
}

// Writes a string anew, from its start. The string's earlier length is the room that there is at
// first, so that a buffer used again and again is not filled with zeros each time before it is
// written; only what goes beyond it costs that.
//
// The string must outlive the object, must not be touched meanwhile, and has its new length once
// the object is destroyed.
class Output {
 public:
  explicit Output(std::string* text)
      : text_(*text), at_(text->data()), end_(text->data() + text->size()) {}
  ~Output() { text_.resize(written()); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Room for `size` bytes. Write there, and hand the end of what was written to Advance(); what is
  // written behind that end does not count.
  [[gnu::always_inline]] char* Reserve(size_t size) {
    if (static_cast<size_t>(end_ - at_) < size) [[unlikely]]
      Grow(size);
    return at_;
  }
  void Advance(char* end) { at_ = end; }

  void Append(std::string_view text) {
    std::memcpy(Reserve(text.size()), text.data(), text.size());
    at_ += text.size();
  }
  // A literal becomes one or two stores.
  template <size_t kSize>
  [[gnu::always_inline]] void Append(const char (&literal)[kSize]) {
    at_ = Write(literal, Reserve(kSize - 1));
  }
  void Append(char byte) {
    *Reserve(1) = byte;
    ++at_;
  }
  void AppendInteger(std::integral auto number) {
    at_ = WriteInteger(number, Reserve(kIntegerSize));
  }

  size_t written() const { return static_cast<size_t>(at_ - text_.data()); }

 private:
  [[gnu::noinline]] void Grow(size_t size) {
    const size_t used = written();
    const size_t needed = used + size;
    text_.resize(needed + needed / 2 + 256);
    at_ = text_.data() + used;
    end_ = text_.data() + text_.size();
  }

  std::string& text_;
  char* at_;
  char* end_;
};

}  // namespace shardtail::encoding

#endif  // SHARDTAIL_ENCODING_OUTPUT_H_
