#include "event/session.h"

#include <charconv>
#include <string_view>

namespace shardtail::event {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
// Where the dashes stand in the text of a UUID.
constexpr bool DashBefore(size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }
constexpr size_t kUuidLength = 36;

}  // namespace

std::string ToStxnid(const SessionTransaction& session) {
  std::string text;
  if (!session.present) return text;
  text.reserve(kUuidLength + 12);
  for (size_t i = 0; i < session.session_id.size(); ++i) {
    if (DashBefore(i)) text += '-';
    text += kHex[session.session_id[i] >> 4];
    text += kHex[session.session_id[i] & 0xF];
  }
  text += ':';
  text += std::to_string(session.number);
  return text;
}

SessionTransaction FromStxnid(std::string_view stxnid) {
  SessionTransaction session;
  if (stxnid.size() < kUuidLength + 2 || stxnid[kUuidLength] != ':') return {};
  size_t at = 0;
  for (size_t i = 0; i < session.session_id.size(); ++i) {
    if (DashBefore(i) && stxnid[at++] != '-') return {};
    const size_t high = kHex.find(stxnid[at]);
    const size_t low = kHex.find(stxnid[at + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return {};
    session.session_id[i] = static_cast<uint8_t>(high << 4 | low);
    at += 2;
  }
  const std::string_view number = stxnid.substr(kUuidLength + 1);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), session.number);
  if (error != std::errc() || end != number.data() + number.size()) return {};
  session.present = true;
  return session;
}

}  // namespace shardtail::event
