#include "shard_discovery/server_description.h"

#include <fmt/format.h>

#include <charconv>

#include "base/status_macros.h"

namespace shardtail::shard_discovery {
namespace {

bool Has(bson::View document, std::string_view flag) {
  const auto element = document.Find(flag);
  return element.has_value() && element->IsTrue();
}

std::string Text(bson::View document, std::string_view name) {
  const auto element = document.Find(name);
  return element.has_value() ? std::string(element->GetString().value_or("")) : "";
}

ServerRole RoleOf(bson::View hello) {
  if (Text(hello, "msg") == "isdbgrid") return ServerRole::kMongos;
  if (Has(hello, "isreplicaset")) return ServerRole::kUninitiated;
  if (Text(hello, "setName").empty()) return ServerRole::kStandalone;
  if (Has(hello, "isWritablePrimary") || Has(hello, "ismaster")) return ServerRole::kPrimary;
  if (Has(hello, "arbiterOnly")) return ServerRole::kArbiter;
  return Has(hello, "secondary") ? ServerRole::kSecondary : ServerRole::kOtherMember;
}

}  // namespace

absl::StatusOr<mongo::HostAndPort> ParseHostAndPort(std::string_view text) {
  const auto wrong = [&] {
    return absl::InvalidArgumentError(fmt::format("'{}' is not of the form host:port", text));
  };
  mongo::HostAndPort parsed;
  size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return wrong();
    parsed.host = text.substr(1, close - 1);
    colon = close + 1 == text.size() ? std::string_view::npos : close + 1;
    if (colon != std::string_view::npos && text[colon] != ':') return wrong();
  } else {
    parsed.host = text.substr(0, colon);
    if (parsed.host.find(':') != std::string::npos) return wrong();
  }
  if (parsed.host.empty()) return wrong();
  if (colon == std::string_view::npos) return parsed;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (error != std::errc() || end != port.data() + port.size() || parsed.port < 1 ||
      parsed.port > 65535) {
    return wrong();
  }
  return parsed;
}

ServerDescription ParseServerDescription(bson::View hello, bson::View build_info) {
  ServerDescription description;
  description.role = RoleOf(hello);
  description.config_server = hello.Find("configsvr").has_value();
  description.replica_set = Text(hello, "setName");
  description.me = Text(hello, "me");
  description.primary = Text(hello, "primary");
  // `hosts` are the members that can become primary, `passives` those with priority 0; both hold
  // data. Hidden members and arbiters are in neither.
  for (const std::string_view list : {"hosts", "passives"}) {
    const auto element = hello.Find(list);
    if (!element.has_value() || element->type != bson::Type::kArray) continue;
    bson::Reader reader(element->AsDocument());
    for (bson::Element host; reader.Next(&host);) {
      auto parsed = ParseHostAndPort(host.GetString().value_or(""));
      if (parsed.ok()) description.hosts.push_back(*std::move(parsed));
    }
  }
  if (const auto tags = hello.Find("tags");
      tags.has_value() && tags->type == bson::Type::kDocument) {
    bson::Reader reader(tags->AsDocument());
    for (bson::Element tag; reader.Next(&tag);) {
      description.tags.emplace(tag.name, tag.GetString().value_or(""));
    }
  }
  if (const auto version = hello.Find("maxWireVersion"); version.has_value()) {
    description.max_wire_version = static_cast<int>(version->GetInteger().value_or(0));
  }
  description.version = Text(build_info, "version");
  return description;
}

absl::StatusOr<ServerDescription> Describe(mongo::Client& client) {
  bson::Builder command;
  command.Int32("hello", 1);
  auto hello = client.Run("admin", command.view());
  if (absl::IsUnimplemented(hello.status())) {  // before 4.4.2
    command.Clear();
    command.Int32("isMaster", 1);
    hello = client.Run("admin", command.view());
  }
  SHARDTAIL_RETURN_IF_ERROR(hello.status());
  command.Clear();
  command.Int32("buildInfo", 1);
  SHARDTAIL_ASSIGN_OR_RETURN(const mongo::Reply build_info, client.Run("admin", command.view()));
  return ParseServerDescription(hello->view(), build_info.view());
}

}  // namespace shardtail::shard_discovery
