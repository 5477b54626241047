#include "config/mongodb_hosts.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "config/values.h"

namespace shardtail::config {
namespace {

constexpr int kDefaultPort = 27017;
constexpr Range kPorts{1, 65535};

absl::Status Wrong(std::string_view host, std::string_view problem) {
  return absl::InvalidArgumentError(fmt::format("'{}' {}", host, problem));
}

// `host`, `host:port` or `[IPv6]:port`.
absl::StatusOr<mongo::HostAndPort> ParseHostAndPort(std::string_view text) {
  mongo::HostAndPort parsed{.host = {}, .port = kDefaultPort};
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return Wrong(text, "lacks the ']' after an IPv6 address");
    parsed.host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return Wrong(text, "has no ':' after the ']'");
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const size_t colon = text.find(':');
    if (colon != text.rfind(':')) {
      return Wrong(text, "has more than one ':'; write an IPv6 address in brackets");
    }
    parsed.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  if (parsed.host.empty()) return Wrong(text, "has no host's name");
  if (parsed.host.find_first_of(" \t") != std::string::npos) {
    return Wrong(text, "has a blank in it; separate hosts by ','");
  }
  if (port.has_value()) {
    const absl::StatusOr<int64_t> number = ParseInteger(*port, kPorts);
    if (!number.ok()) return Wrong(text, "has no port from 1 to 65535 after the ':'");
    parsed.port = static_cast<int>(*number);
  }
  return parsed;
}

absl::StatusOr<mongo::SeedSet> ParseSeedSet(std::string_view text) {
  mongo::SeedSet seeds;
  if (const size_t slash = text.find('/'); slash != std::string_view::npos) {
    std::string_view name = text.substr(0, slash);
    if (const size_t shard = name.find('='); shard != std::string_view::npos) {
      name.remove_prefix(shard + 1);
    }
    seeds.replica_set = Trimmed(name);
    if (seeds.replica_set.empty()) return Wrong(text, "has no replica set's name before the '/'");
    text.remove_prefix(slash + 1);
  }
  for (const std::string& host : SplitList(text)) {
    if (host.find('/') != std::string::npos) {
      return Wrong(host, "names a second replica set; separate replica sets by ';'");
    }
    absl::StatusOr<mongo::HostAndPort> seed = ParseHostAndPort(host);
    if (!seed.ok()) return seed.status();
    seeds.hosts.push_back(*std::move(seed));
  }
  if (seeds.hosts.empty()) return Wrong(seeds.replica_set + "/", "has no host after it");
  return seeds;
}

}  // namespace

absl::StatusOr<std::vector<mongo::SeedSet>> ParseSeedSets(std::string_view text) {
  if (text.find("://") != std::string_view::npos) {
    return absl::InvalidArgumentError(
        "is a connection string; write rs0/host:port,host:port, and mongodb.user and "
        "mongodb.password as properties");
  }
  if (text.find('@') != std::string_view::npos) {
    return absl::InvalidArgumentError(
        "has a user's name in it; give mongodb.user and mongodb.password as properties");
  }
  std::vector<mongo::SeedSet> sets;
  std::string mistakes;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(';', begin), text.size());
    const std::string_view element = Trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    if (element.empty()) continue;
    absl::StatusOr<mongo::SeedSet> set = ParseSeedSet(element);
    if (set.ok()) {
      sets.push_back(*std::move(set));
    } else {
      mistakes +=
          fmt::format("{}{}", mistakes.empty() ? "" : "\n", std::string(set.status().message()));
    }
  }
  if (!mistakes.empty()) return absl::InvalidArgumentError(mistakes);
  return sets;
}

}  // namespace shardtail::config
