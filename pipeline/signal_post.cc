#include "pipeline/signal_post.h"

#include <fmt/format.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace shardtail::pipeline {
namespace {

constexpr std::string_view kPrefix = "signal/";

}  // namespace

void SignalPost::Join(const std::string& replica_set, Inbox inbox, Refused refused) {
  const std::lock_guard lock(mutex_);
  members_[replica_set] = {std::move(inbox), std::move(refused)};
}

void SignalPost::Leave(const std::string& replica_set) {
  const std::lock_guard lock(mutex_);
  members_.erase(replica_set);
}

absl::Status SignalPost::Deliver(const signals::Signal& signal) {
  if (signal.action == signals::Action::kLog) {
    base::LogInfo("signal '{}' says: {}", signal.id, signal.message);
    return absl::OkStatus();
  }
  const std::lock_guard lock(mutex_);
  const std::string key =
      fmt::format("{}{:015}-{:06}", kPrefix, clock_.NowMillis(), ++delivered_ % 1000000);
  // In JSON, as all that is kept there.
  const std::string record = fmt::format(
      R"({{"signal":"{}"}})", absl::Base64Escape(std::string(signal.document.view().bytes())));
  for (const auto& [replica_set, member] : members_) {
    SHARDTAIL_RETURN_IF_ERROR(store_.SaveProgress(replica_set, {{key, record}}));
    member.inbox(key, signal);
  }
  return absl::OkStatus();
}

void SignalPost::Refuse(const absl::Status& why) {
  const std::lock_guard lock(mutex_);
  if (members_.empty() || members_.begin()->second.refused == nullptr) return;
  members_.begin()->second.refused(std::string(why.message()));
}

absl::Status SignalPost::Forget(std::string_view replica_set, std::string_view key) {
  return store_.SaveProgress(replica_set, {{std::string(key), std::nullopt}});
}

bool SignalPost::IsSignal(std::string_view key) { return key.starts_with(kPrefix); }

absl::StatusOr<signals::Signal> SignalPost::Decode(std::string_view record) {
  constexpr std::string_view kBegin = R"({"signal":")";
  constexpr std::string_view kEnd = R"("})";
  std::string bytes;
  if (!record.starts_with(kBegin) || !record.ends_with(kEnd) ||
      record.size() < kBegin.size() + kEnd.size() ||
      !absl::Base64Unescape(
          std::string(record.substr(kBegin.size(), record.size() - kBegin.size() - kEnd.size())),
          &bytes)) {
    return absl::InvalidArgumentError("is no signal that was kept");
  }
  SHARDTAIL_ASSIGN_OR_RETURN(const bson::View document, bson::View::Create(bytes));
  return signals::ParseSignal(document);
}

}  // namespace shardtail::pipeline
