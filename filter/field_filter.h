#ifndef SHARDTAIL_FILTER_FIELD_FILTER_H_
#define SHARDTAIL_FILTER_FIELD_FILTER_H_

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "event/change_event.h"
#include "filter/field_exclusion.h"
#include "filter/field_rename.h"
#include "filter/namespace_pattern.h"
#include "filter/options.h"
#include "mongo/bson.h"

namespace shardtail::filter {

// field.exclude.list and field.renames, for documents, patches and filters; not for keys, which
// hold the document's `_id` whatever the rules say. All exclusions come first, then the renames one
// after the other, each applied to the result of the one before.
//
// See FieldExclusion and FieldRename for how they treat a document, NamespacePattern for which
// collections a rule is about. The name `a.b` of a collection makes `db.a.b.c` ambiguous: Debezium
// 1.3.1 only takes it for the field b.c of the collection `a`; here an exclusion is for the field c
// of the collection `a.b` as well.
//
// Immutable; any thread.
class FieldFilter {
 public:
  // The rules that concern one collection. They do not refer to the FieldFilter. Immutable; any
  // thread, with a Builder of its own.
  class Rules {
   public:
    Rules() = default;

    // Whether Apply() could change anything. A collection without rules costs nothing.
    bool active() const { return !exclusion_.empty() || !renames_.empty(); }

    // The document, patch or filter that the rules make of `document`: a view into `out`, or, where
    // no rule changes anything, `document` itself. `out` is cleared first and is best kept from one
    // call to the next.
    //
    // kDataLoss, and then nothing may be published of the document: it is broken BSON, a patch in a
    // form that the rules cannot be applied to, or a field would be renamed to a name that is
    // taken.
    absl::StatusOr<bson::View> Apply(bson::View document, bson::Builder& out) const;

   private:
    friend class FieldFilter;

    FieldExclusion exclusion_;
    std::vector<FieldRename> renames_;
  };

  // kInvalidArgument names the property, the element and what is wrong with it.
  static absl::StatusOr<FieldFilter> Create(const Options& options);

  // False when nothing is configured.
  bool active() const { return !exclusions_.empty() || !renames_.empty(); }

  // Takes microseconds: ask once for each collection.
  Rules ForCollection(const event::Namespace& ns) const;

 private:
  struct Exclusion {
    NamespacePattern collections;
    FieldPath path;
  };
  struct Rename {
    NamespacePattern collections;
    FieldRename rename;
  };

  absl::Status AddExclusion(std::string_view rule);
  absl::Status AddRename(std::string_view rule);

  std::vector<Exclusion> exclusions_;
  std::vector<Rename> renames_;
};

}  // namespace shardtail::filter

#endif  // SHARDTAIL_FILTER_FIELD_FILTER_H_
