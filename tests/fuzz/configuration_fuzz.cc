// The text of a configuration file, as .properties and as Kafka Connect's JSON. Files that it names
// do not exist outside: they all hold the same secret, which nothing the user sees may show.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "config/configuration.h"
#include "config/connect_json.h"
#include "config/properties_file.h"
#include "config/text_file.h"
#include "filter/field_filter.h"
#include "tests/fuzz/finding.h"

namespace shardtail {
namespace {

constexpr std::string_view kSecret = "Pl4nted-S3cret";

void RequireNoSecret(std::string_view text) {
  fuzz::Require(text.find(kSecret) == std::string_view::npos, "without the secret", text);
}

void LoadAndCheck(const std::optional<config::RawProperties>& worker,
                  const config::RawProperties& connector) {
  const absl::StatusOr<config::Configuration> loaded = config::Load(worker, connector);
  if (!loaded.ok()) {
    fuzz::Require(absl::IsInvalidArgument(loaded.status()), "an invalid argument",
                  loaded.status().ToString());
    fuzz::Require(!loaded.status().message().empty(), "told what is wrong");
    RequireNoSecret(std::string(loaded.status().message()));
    return;
  }
  for (const std::string& note : loaded->notes) RequireNoSecret(note);
  const auto fields = filter::FieldFilter::Create(loaded->filter);
  if (!fields.ok()) {
    fuzz::Require(absl::IsInvalidArgument(fields.status()), "an invalid argument",
                  fields.status().ToString());
  }
}

void Load(const absl::StatusOr<config::RawProperties>& properties) {
  if (!properties.ok()) {
    fuzz::Require(absl::IsInvalidArgument(properties.status()), "an invalid argument",
                  properties.status().ToString());
    return;
  }
  LoadAndCheck(std::nullopt, *properties);
  config::RawProperties complete = *properties;
  complete.merge(config::RawProperties{{"mongodb.hosts", "rs0/localhost"},
                                       {"mongodb.name", "shop"},
                                       {"mongodb.user", "reader"},
                                       {"bootstrap.servers", "localhost"}});
  complete["mongodb.password"] = kSecret;
  LoadAndCheck(*properties, complete);
}

}  // namespace

namespace config {

// In place of the folder's own, which the linker then leaves out.
absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  if (path.ends_with("missing")) return absl::NotFoundError("there is no such file");
  return "password=" + std::string(kSecret) + "\n";
}

}  // namespace config
}  // namespace shardtail

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardtail;  // NOLINT(google-build-using-namespace)
  const fuzz::OwnBytes bytes({reinterpret_cast<const char*>(data), size});
  if (bytes.view().find(kSecret) != std::string_view::npos) return 0;
  Load(config::ParseProperties(bytes.view()));
  Load(config::ParseConnectJson(bytes.view()));
  return 0;
}
