#ifndef SHARDTAIL_FILTER_NAMESPACE_FILTER_H_
#define SHARDTAIL_FILTER_NAMESPACE_FILTER_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/regex.h"
#include "event/change_event.h"
#include "filter/options.h"

namespace shardtail::filter {

// Which databases and collections are captured, by Debezium 1.3's rules: a pattern matches a whole
// name (`db`, `db.collection`), ignoring case.
//
// Never captured: `local` and `admin`. The server's own bookkeeping is captured only when an
// include pattern matches it and spells its reserved word out (`config`, `system.`, `tmp`), so that
// `.*` does not bring it in: the database `config`, the collections `system.*`, and the temporary
// ones of $out, mapReduce, convertToCapped and renames across databases. (Debezium 1.3 captures all
// of these.)
//
// Immutable: any thread may ask. Matching costs microseconds: ask once for each namespace, and
// remember. A pattern that hits its match limit is an error (kResourceExhausted), not a "no".
class NamespaceFilter {
 public:
  explicit NamespaceFilter(Options options);

  const Options& options() const { return options_; }

  absl::StatusOr<bool> AcceptsDatabase(std::string_view database) const;
  absl::StatusOr<bool> Accepts(const event::Namespace& ns) const;

  // skipped.operations.
  bool Accepts(event::Operation operation) const;

 private:
  absl::StatusOr<bool> NamedByAPattern(const event::Namespace& ns, std::string_view word) const;

  const Options options_;
};

}  // namespace shardtail::filter

#endif  // SHARDTAIL_FILTER_NAMESPACE_FILTER_H_
