#include "config/references.h"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "config/properties_file.h"
#include "config/text_file.h"
#include "config/values.h"

namespace shardtail::config {
namespace {

enum class Provider { kEnvironment, kFile, kDirectory };
using Providers = std::map<std::string, Provider, std::less<>>;

// `${provider:path:key}` without its braces; the path may be left out.
struct Reference {
  std::string_view provider;
  std::string_view path;
  std::string_view key;
};

std::optional<Reference> ParseReference(std::string_view inner) {
  const size_t colon = inner.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Reference reference{inner.substr(0, colon), {}, inner.substr(colon + 1)};
  if (const size_t second = reference.key.find(':'); second != std::string_view::npos) {
    reference.path = reference.key.substr(0, second);
    reference.key.remove_prefix(second + 1);
  }
  return reference;
}

// The name of a reference's provider by the class that config.providers.<name>.class gives.
Providers DeclaredProviders(const GivenProperties& given) {
  Providers providers = {{"env", Provider::kEnvironment},
                         {"file", Provider::kFile},
                         {"dir", Provider::kDirectory},
                         {"directory", Provider::kDirectory}};
  for (const auto& [property, declared] : given) {
    constexpr std::string_view kStart = "config.providers.";
    constexpr std::string_view kEnd = ".class";
    if (!property.starts_with(kStart) || !property.ends_with(kEnd) ||
        property.size() <= kStart.size() + kEnd.size()) {
      continue;
    }
    const std::string name =
        property.substr(kStart.size(), property.size() - kStart.size() - kEnd.size());
    providers.erase(name);
    const std::string_view provider = Trimmed(declared.value);
    if (provider.ends_with("EnvVarConfigProvider")) providers[name] = Provider::kEnvironment;
    if (provider.ends_with("FileConfigProvider")) providers[name] = Provider::kFile;
    if (provider.ends_with("DirectoryConfigProvider")) providers[name] = Provider::kDirectory;
  }
  return providers;
}

absl::StatusOr<std::string> FromFile(const std::string& path, const std::string& key) {
  SHARDTAIL_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  const absl::StatusOr<RawProperties> properties = ParseProperties(text);
  if (!properties.ok()) {
    // Says no more: the parser's message might quote the file.
    return absl::InvalidArgumentError(
        fmt::format("the file '{}' is not a .properties file in UTF-8", path));
  }
  const auto found = properties->find(key);
  if (found == properties->end()) {
    return absl::NotFoundError(fmt::format("the file '{}' has no property '{}'", path, key));
  }
  return found->second;
}

absl::StatusOr<std::string> FromDirectory(const std::string& path, const std::string& file) {
  if (file.empty() || file.find('/') != std::string::npos) {
    return absl::InvalidArgumentError("after the directory stands the name of a file in it");
  }
  SHARDTAIL_ASSIGN_OR_RETURN(std::string text, ReadTextFile(path + "/" + file));
  // Editors and `echo` end a file with a line end, and no secret does.
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

absl::StatusOr<std::string> Resolve(const Reference& reference, const Providers& providers) {
  const auto provider = providers.find(reference.provider);
  if (provider == providers.end()) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not a provider of values that is there; there are env, file and dir",
                    reference.provider));
  }
  const std::string path(reference.path);
  const std::string key(reference.key);
  if (provider->second == Provider::kEnvironment) {
    if (!path.empty()) {
      return absl::InvalidArgumentError("an environment variable has no path; write ${env:NAME}");
    }
    const char* const value = std::getenv(key.c_str());
    if (value == nullptr) {
      return absl::NotFoundError(fmt::format("there is no environment variable '{}'", key));
    }
    return std::string(value);
  }
  if (path.empty()) {
    return absl::InvalidArgumentError(
        "the path is missing; write ${file:/path:key} or "
        "${dir:/path:file}");
  }
  return provider->second == Provider::kFile ? FromFile(path, key) : FromDirectory(path, key);
}

// `value` with its references replaced; `any` tells whether there were some.
std::string Resolved(const std::string& written, std::string_view value, const Providers& providers,
                     bool* any, Findings* mistakes) {
  std::string resolved;
  for (size_t open = value.find("${"); open != std::string_view::npos; open = value.find("${")) {
    const size_t close = value.find('}', open);
    if (close == std::string_view::npos) break;
    const std::string_view text = value.substr(open, close + 1 - open);
    const std::optional<Reference> reference = ParseReference(text.substr(2, text.size() - 3));
    resolved += value.substr(0, open);
    value.remove_prefix(close + 1);
    if (!reference.has_value()) {
      resolved += text;
      continue;
    }
    *any = true;
    const absl::StatusOr<std::string> found = Resolve(*reference, providers);
    if (found.ok()) {
      resolved += *found;
    } else {
      mistakes->Add(written, fmt::format("{}: {}", text, std::string(found.status().message())));
    }
  }
  return resolved.append(value);
}

}  // namespace

void ResolveReferences(GivenProperties* given, Findings* mistakes) {
  const Providers providers = DeclaredProviders(*given);
  for (auto& [name, property] : *given) {
    bool any = false;
    std::string resolved = Resolved(property.written, property.value, providers, &any, mistakes);
    if (any) property.reference = std::exchange(property.value, std::move(resolved));
  }
}

}  // namespace shardtail::config
