#ifndef SHARDTAIL_SIGNALS_SIGNAL_H_
#define SHARDTAIL_SIGNALS_SIGNAL_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/regex.h"
#include "mongo/bson.h"

namespace shardtail::signals {

enum class Action { kExecuteSnapshot, kStopSnapshot, kPauseSnapshot, kResumeSnapshot, kLog };

// As it is written in a signal's `type`: "execute-snapshot".
std::string_view NameOf(Action action);

// Of the collections that `collection` matches, only the documents that `query` finds.
struct Condition {
  base::Regex collection;  // matches `database.collection`, ignoring case
  bson::Document query;
};

// What a user asks of a running capture.
struct Signal {
  Action action = Action::kLog;
  std::string id;  // the user's own word for it, for the log; may be empty
  // Matches `database.collection`, ignoring case. Never empty for kExecuteSnapshot; empty for
  // kStopSnapshot: whatever is being copied.
  std::vector<base::Regex> collections;
  // The stream is to wait until the copy is done (Debezium's type BLOCKING).
  bool blocking = false;
  std::vector<Condition> conditions;  // of kExecuteSnapshot
  std::string message;                // of kLog
  bson::Document document;            // the whole, to be read again
};

// Reads a signal in the form of Debezium 2 and later ("Sending signals to a Debezium connector" in
// its documentation):
//
//   {"id": "…", "type": "execute-snapshot",
//    "data": {"type": "INCREMENTAL", "data-collections": ["shop\\.orders"],
//             "additional-conditions": [{"data-collection": "shop\\.orders", "filter": "{…}"}]}}
//
// The id may also be in `_id`, of any type. `data` is a document, or one as JSON in a string. Three
// fields without these names are id, type and data in their order, as Debezium reads the documents
// of a signal collection. A filter is a query in extended JSON, in a string or
// as it is. Fields that are not known, `surrogate-key` among them, change nothing that is copied
// and are passed over, as Debezium does.
//   kUnimplemented    the type is none of the above
//   kInvalidArgument  says which field is wrong, and what to give
// Neither is a reason to stop a capture. Any thread.
absl::StatusOr<Signal> ParseSignal(bson::View document);

// The same from a record of a signal topic, or a line of a signal file: JSON in UTF-8.
absl::StatusOr<Signal> ParseSignal(std::string_view json);

}  // namespace shardtail::signals

#endif  // SHARDTAIL_SIGNALS_SIGNAL_H_
