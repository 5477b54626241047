#ifndef SHARDTAIL_SNAPSHOT_COLLECTION_DESCRIPTION_H_
#define SHARDTAIL_SNAPSHOT_COLLECTION_DESCRIPTION_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "event/change_event.h"
#include "mongo/client.h"
#include "snapshot/id_range.h"

namespace shardtail::snapshot {

// What listCollections tells of a collection that matters for reading it in ranges.
struct CollectionDescription {
  bson::Timestamp at;  // when it was so, by the server's operationTime; zero where it is not told
  CollectionUuid uuid{};
  bool capped = false;           // from 5.0 on the server reads none at an exact time
  bool simple_collation = true;  // else strings in `_id` do not sort by their bytes
};

// Whether ranges can be cut at this `_id`: not at MinKey or MaxKey, beside which the server takes
// no other boundary; not at one that sorts by a collation, nor at a very large one, for it is
// stored.
bool CanBeBound(const bson::Element& id, bool simple_collation);

// Of a document of listCollections' answer. nullopt for what has no UUID: a view, a time series.
std::optional<CollectionDescription> ParseDescription(bson::View listed);

// nullopt when there is no collection of this name (any more), or it is a view or holds a
// time series. Needs the action listCollections on the database, which `read` has; errors are
// Client::Run()'s.
absl::StatusOr<std::optional<CollectionDescription>> DescribeCollection(mongo::Client& client,
                                                                        const event::Namespace& ns);
// The same; nullopt also when the name is that of another collection by now.
absl::StatusOr<std::optional<CollectionDescription>> DescribeCollection(mongo::Client& client,
                                                                        const event::Namespace& ns,
                                                                        const CollectionUuid& uuid);

// Boundaries, sorted, that cut a collection into parts of about `part_bytes`, at most `max_parts`:
// none for a small one, a capped one, or where its size is not told (the action collStats). By the
// server's own counters and a sample of `_id`s: nothing is counted or scanned. Errors are
// Client::Run()'s.
absl::StatusOr<std::vector<IdBound>> PlanBounds(mongo::Client& client, const event::Namespace& ns,
                                                const CollectionDescription& description,
                                                int64_t part_bytes, int32_t max_parts);

}  // namespace shardtail::snapshot

#endif  // SHARDTAIL_SNAPSHOT_COLLECTION_DESCRIPTION_H_
