#include "config/snapshot_queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/values.h"

namespace shardtail::config {
namespace {

constexpr std::string_view kList = "snapshot.collection.filter.overrides";

std::string QueryName(std::string_view collection) {
  return fmt::format("{}.{}", kList, collection);
}

bool IsCollectionName(std::string_view name) {
  const size_t dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 && dot + 1 < name.size();
}

absl::StatusOr<bson::Document> ReadQuery(std::string_view text, const QueryReader& reader) {
  const std::string_view json = Trimmed(text);
  if (!json.starts_with('{')) {
    return absl::InvalidArgumentError(
        "is not a query; give a document in extended JSON: {\"field\": value}");
  }
  absl::StatusOr<bson::Document> query = reader(json);
  if (query.ok()) return query;
  return absl::InvalidArgumentError(
      fmt::format("is not a query in extended JSON: {}", std::string(query.status().message())));
}

void ReadQueryOf(const std::string& collection, const Given& given, const QueryReader& reader,
                 Configuration* configuration, Findings* mistakes) {
  absl::StatusOr<bson::Document> query = ReadQuery(given.value, reader);
  if (query.ok()) {
    configuration->pipeline.snapshot_queries[collection] = *std::move(query);
  } else if (given.reference.empty()) {
    mistakes->Add(given.written, std::string(query.status().message()));
  } else {
    mistakes->Add(given.written, fmt::format("what {} stands for is not a query in extended JSON",
                                             given.reference));
  }
}

// Whether a pattern that gives up counts as one that matches is `undecided`.
bool AnyMatches(const std::vector<base::Regex>& patterns, std::string_view name, bool undecided) {
  return std::any_of(patterns.begin(), patterns.end(), [=](const base::Regex& pattern) {
    return pattern.FullMatch(name).value_or(undecided);
  });
}

bool IsCaptured(const filter::Options& filter, std::string_view collection) {
  const std::string_view database = collection.substr(0, collection.find('.'));
  const auto included = [](const std::vector<base::Regex>& patterns, std::string_view name) {
    return patterns.empty() || AnyMatches(patterns, name, /*undecided=*/true);
  };
  return included(filter.database_include, database) &&
         included(filter.collection_include, collection) &&
         !AnyMatches(filter.database_exclude, database, /*undecided=*/false) &&
         !AnyMatches(filter.collection_exclude, collection, /*undecided=*/false);
}

// What is wrong with a collection of the list, to be said after its name; empty: nothing.
std::string MistakeOfListed(const std::string& collection, const GivenProperties& given,
                            const Configuration& configuration) {
  if (!IsCollectionName(collection)) return "is not database.collection";
  if (!IsCaptured(configuration.filter, collection)) {
    return "is not captured, so nothing of it is copied; correct the name, or the include and "
           "exclude lists";
  }
  if (!given.contains(QueryName(collection))) {
    return fmt::format("has no query; give it as {}.<database>.<collection>", kList);
  }
  return {};
}

}  // namespace

void ReadSnapshotQueries(const GivenProperties& given, const QueryReader& reader,
                         Configuration* configuration, Findings* mistakes) {
  if (!reader) return;
  std::vector<std::string> listed;
  if (const auto list = given.find(std::string(kList)); list != given.end()) {
    listed = SplitList(list->second.value);
    for (const std::string& collection : listed) {
      const std::string mistake = MistakeOfListed(collection, given, *configuration);
      if (mistake.empty()) {
        ReadQueryOf(collection, given.at(QueryName(collection)), reader, configuration, mistakes);
      } else {
        const std::string& reference = list->second.reference;
        mistakes->Add(list->second.written, reference.empty()
                                                ? fmt::format("'{}' {}", collection, mistake)
                                                : fmt::format("one in {} {}", reference, mistake));
      }
    }
  }
  const std::string start = QueryName("");
  for (auto query = given.lower_bound(start);
       query != given.end() && query->first.starts_with(start); ++query) {
    const std::string collection = query->first.substr(start.size());
    if (std::find(listed.begin(), listed.end(), collection) == listed.end()) {
      mistakes->Add(
          query->second.written,
          fmt::format("has no effect unless {} lists '{}'; add it there", kList, collection));
    }
  }
}

}  // namespace shardtail::config
