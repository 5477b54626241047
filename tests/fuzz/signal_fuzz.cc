// A signal, as the JSON of a signal topic and as a document of a signal collection.

#include <string_view>

#include "mongo/bson.h"
#include "signals/signal.h"
#include "tests/fuzz/finding.h"

namespace shardtail::signals {
namespace {

void Check(const absl::StatusOr<Signal>& signal) {
  if (!signal.ok()) {
    fuzz::Require(
        absl::IsInvalidArgument(signal.status()) || absl::IsUnimplemented(signal.status()),
        "an invalid argument or a type that is not known", signal.status().ToString());
    fuzz::Require(!signal.status().message().empty(), "told what is wrong");
    return;
  }
  fuzz::Require(!NameOf(signal->action).empty(), "a known action");
  if (signal->action == Action::kExecuteSnapshot) {
    fuzz::Require(!signal->collections.empty(), "a copy of some collections");
  }
  for (const Condition& condition : signal->conditions) {
    fuzz::Require(bson::View::Create(condition.query.view().bytes()).ok(), "a query");
  }
}

}  // namespace
}  // namespace shardtail::signals

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardtail;  // NOLINT(google-build-using-namespace)
  const fuzz::OwnBytes bytes({reinterpret_cast<const char*>(data), size});
  signals::Check(signals::ParseSignal(bytes.view()));
  const auto document = bson::View::Create(bytes.view());
  if (document.ok() && document->size() == size) signals::Check(signals::ParseSignal(*document));
  return 0;
}
