#include "filter/namespace_filter.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/status_macros.h"

namespace shardtail::filter {
namespace {

absl::StatusOr<bool> MatchesAny(const std::vector<base::Regex>& patterns, std::string_view name) {
  for (const base::Regex& pattern : patterns) {
    SHARDTAIL_ASSIGN_OR_RETURN(const bool matches, pattern.FullMatch(name));
    if (matches) return true;
  }
  return false;
}

absl::StatusOr<bool> PassesLists(const std::vector<base::Regex>& include,
                                 const std::vector<base::Regex>& exclude, std::string_view name) {
  if (!include.empty()) return MatchesAny(include, name);
  SHARDTAIL_ASSIGN_OR_RETURN(const bool excluded, MatchesAny(exclude, name));
  return !excluded;
}

// The reserved word that makes this collection the server's own; empty for a user's collection.
std::string_view ReservedWord(std::string_view collection) {
  if (collection.starts_with("system.")) return "system.";
  // $out: tmp.agg_out.<uuid>; mapReduce: tmp.mr.<name>; renames and conversions:
  // tmp<5 characters>.renameCollection, tmp<5 characters>.convertToCapped.<name>.
  if (collection.starts_with("tmp.agg_out.") || collection.starts_with("tmp.mr.")) return "tmp";
  if (collection.starts_with("tmp")) {
    const std::string_view rest =
        collection.substr(std::min<size_t>(collection.find('.'), collection.size()));
    if (rest == ".renameCollection" || rest.starts_with(".convertToCapped.")) return "tmp";
  }
  return {};
}

// The pattern's text as a name would be written, so that `wl\.system\.views` spells `system.` out.
bool Spells(const base::Regex& pattern, std::string_view word) {
  std::string text = pattern.pattern();
  std::erase(text, '\\');
  return text.find(word) != std::string::npos;
}

}  // namespace

NamespaceFilter::NamespaceFilter(Options options) : options_(std::move(options)) {}

absl::StatusOr<bool> NamespaceFilter::AcceptsDatabase(std::string_view database) const {
  if (database == "local" || database == "admin") return false;
  SHARDTAIL_ASSIGN_OR_RETURN(const bool passes, PassesLists(options_.database_include,
                                                            options_.database_exclude, database));
  if (!passes || database != "config") return passes;
  const auto spells_config = [](const base::Regex& pattern) { return Spells(pattern, "config"); };
  return std::ranges::any_of(options_.database_include, spells_config) ||
         std::ranges::any_of(options_.collection_include, spells_config);
}

absl::StatusOr<bool> NamespaceFilter::Accepts(const event::Namespace& ns) const {
  SHARDTAIL_ASSIGN_OR_RETURN(const bool database, AcceptsDatabase(ns.database()));
  if (!database) return false;
  SHARDTAIL_ASSIGN_OR_RETURN(const bool passes, PassesLists(options_.collection_include,
                                                            options_.collection_exclude, ns.full));
  if (!passes) return false;
  const std::string_view word = ReservedWord(ns.collection());
  if (word.empty()) return true;
  return NamedByAPattern(ns, word);
}

bool NamespaceFilter::Accepts(event::Operation operation) const {
  switch (operation) {
    case event::Operation::kRead:
      return true;
    case event::Operation::kCreate:
      return !options_.skip_creates;
    case event::Operation::kUpdate:
      return !options_.skip_updates;
    case event::Operation::kDelete:
      return !options_.skip_deletes;
  }
  return true;
}

absl::StatusOr<bool> NamespaceFilter::NamedByAPattern(const event::Namespace& ns,
                                                      std::string_view word) const {
  for (const base::Regex& pattern : options_.collection_include) {
    if (!Spells(pattern, word)) continue;
    SHARDTAIL_ASSIGN_OR_RETURN(const bool matches, pattern.FullMatch(ns.full));
    if (matches) return true;
  }
  return false;
}

}  // namespace shardtail::filter
