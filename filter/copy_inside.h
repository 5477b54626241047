#ifndef SHARDTAIL_FILTER_COPY_INSIDE_H_
#define SHARDTAIL_FILTER_COPY_INSIDE_H_

#include <fmt/format.h>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "mongo/bson.h"

namespace shardtail::filter {

// kDataLoss when `reader` stopped at broken BSON; `last` is the last element that it gave.
inline absl::Status CheckWhole(const bson::Reader& reader, const bson::Element& last) {
  if (!reader.corrupt()) return absl::OkStatus();
  return absl::DataLossError(fmt::format("broken BSON after the element '{}'", last.name));
}

// Copies `value` to `out`, but for the fields of the document that it is, or of each document in
// the list that it is: those `copy_fields(view)` writes. As in Debezium 1.3, lists in lists are
// copied as they are.
template <typename CopyFields>
absl::Status CopyInside(const bson::Element& value, bson::Builder& out,
                        const CopyFields& copy_fields) {
  if (value.type == bson::Type::kDocument) {
    out.OpenDocument(value.name);
    SHARDTAIL_RETURN_IF_ERROR(copy_fields(value.AsDocument()));
    out.Close();
    return absl::OkStatus();
  }
  if (value.type != bson::Type::kArray) {
    out.Copy(value);
    return absl::OkStatus();
  }
  out.OpenArray(value.name);
  bson::Reader reader(value.AsDocument());
  bson::Element item;
  while (reader.Next(&item)) {
    if (item.type == bson::Type::kDocument) {
      SHARDTAIL_RETURN_IF_ERROR(CopyInside(item, out, copy_fields));
    } else {
      out.Copy(item);
    }
  }
  out.Close();
  return CheckWhole(reader, item);
}

}  // namespace shardtail::filter

#endif  // SHARDTAIL_FILTER_COPY_INSIDE_H_
