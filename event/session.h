#ifndef SHARDTAIL_EVENT_SESSION_H_
#define SHARDTAIL_EVENT_SESSION_H_

#include <array>
#include <cstdint>
#include <string>

namespace shardtail::event {

// The session and transaction number of an oplog entry (`lsid.id` and `txnNumber`): that of a
// transaction or of a retryable write. Debezium's `stxnid` is `<uuid>:<txnNumber>`.
struct SessionTransaction {
  std::array<uint8_t, 16> session_id{};
  int64_t number = 0;
  bool present = false;
  friend bool operator==(const SessionTransaction&, const SessionTransaction&) = default;
};

// `83519593-4c4e-4741-569f-5add9755dd32:7`; empty when not present.
std::string ToStxnid(const SessionTransaction& session);
// The reverse; not present when `stxnid` has another form.
SessionTransaction FromStxnid(std::string_view stxnid);

}  // namespace shardtail::event

#endif  // SHARDTAIL_EVENT_SESSION_H_
