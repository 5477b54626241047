// The parts of the snapshot that read from a server, for tests/integration/test_snapshot_parts.py:
//
//   read_chunk describe HOST PORT DB.COLLECTION
//   read_chunk bounds HOST PORT DB.COLLECTION PART_BYTES MAX_PARTS
//   read_chunk read HOST PORT DB.COLLECTION UUID MIN MAX SECONDS INCREMENT
//              transaction|direct|parts simple|collation BATCH_SIZE MAX_BYTES QUERY
//
// `parts` reads documents as they are now, part by part. Boundaries and the query are extended
// JSON,
// {} for an open one, and for none. A line of standard output is {"bound": …},
// {"document": …}, {"end": …}, or a word: `again` where a new time must be taken,
// `never` where the server does not read the collection at a time.

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status_macros.h"
#include "mongo/client.h"
#include "snapshot/chunk_reader.h"
#include "snapshot/collection_description.h"

namespace shardtail::snapshot {
namespace {

template <typename T>
T Number(std::string_view text) {
  T number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

absl::Status Describe(mongo::Client& client, const event::Namespace& ns) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto description, DescribeCollection(client, ns));
  if (!description.has_value()) {
    fmt::print("none\n");
    return absl::OkStatus();
  }
  fmt::print("{} {} {}\n", ToString(description->uuid), description->capped ? "capped" : "plain",
             description->simple_collation ? "simple" : "collation");
  return absl::OkStatus();
}

absl::Status Bounds(mongo::Client& client, const event::Namespace& ns, std::string_view part_bytes,
                    std::string_view max_parts) {
  SHARDTAIL_ASSIGN_OR_RETURN(const auto description, DescribeCollection(client, ns));
  SHARDTAIL_ASSIGN_OR_RETURN(const std::vector<IdBound> bounds,
                             PlanBounds(client, ns, description.value_or(CollectionDescription()),
                                        Number<int64_t>(part_bytes), Number<int32_t>(max_parts)));
  for (const IdBound& bound : bounds) {
    fmt::print("{{\"bound\": {}}}\n", bson::ToDebugString(bound));
  }
  return absl::OkStatus();
}

void Print(const std::vector<mongo::Batch>& batches) {
  for (const mongo::Batch& batch : batches) {
    for (const bson::View document : batch.documents) {
      fmt::print("{{\"document\": {}}}\n", bson::ToDebugString(document));
    }
  }
}

absl::Status Read(mongo::Client& client, std::span<const std::string> arguments) {
  Chunk chunk{.number = 1, .ns = arguments[0]};
  chunk.collection = ParseUuid(arguments[1]).value_or(CollectionUuid());
  SHARDTAIL_ASSIGN_OR_RETURN(chunk.range.min, bson::FromJson(arguments[2]));
  SHARDTAIL_ASSIGN_OR_RETURN(chunk.range.max, bson::FromJson(arguments[3]));
  chunk.at = {Number<uint32_t>(arguments[4]), Number<uint32_t>(arguments[5])};
  ChunkReader reader(client, {
                                 .batch_size = Number<int32_t>(arguments[8]),
                                 .max_bytes = Number<int64_t>(arguments[9]),
                                 .in_transaction = arguments[6] == "transaction",
                             });
  ChunkReader::Manner manner{.simple_collation = arguments[7] == "simple"};
  SHARDTAIL_ASSIGN_OR_RETURN(manner.query, bson::FromJson(arguments[10]));
  if (arguments[6] == "parts") {
    manner.at_exact_time = false;
    manner.on_part = [](const std::vector<mongo::Batch>& part) {
      Print(part);
      return true;
    };
  }
  const auto read = reader.Read(chunk, manner);
  if (absl::IsUnimplemented(read.status())) {
    fmt::print("never\n");
    return absl::OkStatus();
  }
  SHARDTAIL_RETURN_IF_ERROR(read.status());
  const std::optional<ChunkDocuments>& documents = *read;
  if (!documents.has_value()) {
    fmt::print("again\n");
    return absl::OkStatus();
  }
  Print(documents->batches);
  fmt::print("{{\"end\": {}}}\n", bson::ToDebugString(documents->end));
  return absl::OkStatus();
}

absl::Status Main(std::span<const std::string> arguments) {
  if (arguments.size() < 4) return absl::InvalidArgumentError("see the head of this file");
  const mongo::DriverScope driver;
  SHARDTAIL_ASSIGN_OR_RETURN(
      const auto client,
      mongo::Client::Create({}, {.host = arguments[1], .port = Number<int>(arguments[2])}));
  const auto ns = event::Namespace::Parse(arguments[3]);
  if (!ns.has_value()) return absl::InvalidArgumentError("no name of a collection");
  if (arguments[0] == "describe") return Describe(*client, *ns);
  if (arguments[0] == "bounds" && arguments.size() == 6) {
    return Bounds(*client, *ns, arguments[4], arguments[5]);
  }
  if (arguments[0] == "read" && arguments.size() == 14) {
    return Read(*client, arguments.subspan(3));
  }
  return absl::InvalidArgumentError("see the head of this file");
}

}  // namespace
}  // namespace shardtail::snapshot

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const absl::Status status = shardtail::snapshot::Main(arguments);
  if (status.ok()) return 0;
  fmt::print(stderr, "{}\n", status.ToString());
  return 1;
}
