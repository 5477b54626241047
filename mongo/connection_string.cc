#include "mongo/connection_string.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mongoc/mongoc.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <memory>
#include <utility>

#include "base/handle.h"
#include "mongo/bson.h"

namespace shardtail::mongo {
namespace {

using UriHandle = base::Handle<mongoc_uri_t, mongoc_uri_destroy>;
using ClientHandle = base::Handle<mongoc_client_t, mongoc_client_destroy>;

constexpr std::array<std::string_view, 28> kHonoured = {
    "appname",
    "authmechanism",
    "authsource",
    "compressors",
    "connecttimeoutms",
    "directconnection",
    "loadbalanced",
    "maxstalenessseconds",
    "readpreference",
    "readpreferencetags",
    "replicaset",
    "serverselectiontimeoutms",
    "sockettimeoutms",
    "srvmaxhosts",
    "srvservicename",
    "ssl",
    "tls",
    "tlsallowinvalidcertificates",
    "tlsallowinvalidhostnames",
    "tlscafile",
    "tlscertificatekeyfile",
    "tlscertificatekeyfilepassword",
    "tlsinsecure",
    // The driver's own earlier names.
    "sslallowinvalidcertificates",
    "sslallowinvalidhostnames",
    "sslcertificateauthorityfile",
    "sslclientcertificatekeyfile",
    "sslclientcertificatekeypassword",
};

// Why an option has no effect, by its name in lower case.
std::string_view WhyWithoutEffect(std::string_view name) {
  static const auto* const known = [] {
    constexpr std::string_view kWrites = "nothing is written to MongoDB";
    constexpr std::string_view kPool = "each reader has one connection of its own, and no pool";
    constexpr std::string_view kSelection =
        "members are found by shardtail's own rules and asked again after each failure";
    auto* const reasons = new std::map<std::string_view, std::string_view>{
        {"readconcernlevel", "only what a majority has is read, always"},
        {"retryreads", "a read that fails is done again from its position, always"},
        {"uuidrepresentation", "binary values are written as they are"},
        {"slaveok", "readPreference decides"},
        {"zlibcompressionlevel", "the server decides how its replies are compressed"}};
    for (const char* option :
         {"w", "wtimeoutms", "wtimeout", "journal", "j", "fsync", "safe", "retrywrites"}) {
      reasons->emplace(option, kWrites);
    }
    for (const char* option : {"maxpoolsize", "minpoolsize", "maxidletimems", "maxlifetimems",
                               "maxconnecting", "waitqueuemultiple", "waitqueuetimeoutms"}) {
      reasons->emplace(option, kPool);
    }
    for (const char* option : {"heartbeatfrequencyms", "localthresholdms", "serverselectiontryonce",
                               "socketcheckintervalms", "servermonitoringmode"}) {
      reasons->emplace(option, kSelection);
    }
    return reasons;
  }();
  const auto found = known->find(name);
  return found == known->end() ? std::string_view() : found->second;
}

// Why an option is refused.
std::string WhyRefused(std::string_view name) {
  if (name == "sslinvalidhostnameallowed") return "write tlsAllowInvalidHostnames";
  if (name == "authmechanismproperties" || name == "gssapiservicename") {
    return "Kerberos and AWS are not supported; authenticate by SCRAM or X.509, or leave it out";
  }
  if (name == "proxyhost" || name == "proxyport") return "proxies are not supported; leave it out";
  return "is not supported; leave it out, or correct its name";
}

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lowered;
}

// The options' names as written. Values are left to the driver, which decodes them.
std::vector<std::string> OptionNames(std::string_view text) {
  std::vector<std::string> names;
  const size_t query = text.find('?');
  if (query == std::string_view::npos) return names;
  for (size_t begin = query + 1; begin < text.size();) {
    const size_t end = std::min(text.find('&', begin), text.size());
    const std::string_view pair = text.substr(begin, end - begin);
    begin = end + 1;
    if (!pair.empty()) names.emplace_back(pair.substr(0, pair.find('=')));
  }
  return names;
}

// Sorts the options' names into what is said about them.
void SortNames(std::string_view text, std::vector<std::string>* notes,
               std::vector<std::string>* mistakes) {
  for (const std::string& name : OptionNames(text)) {
    const std::string lowered = Lowered(name);
    if (std::ranges::find(kHonoured, lowered) != kHonoured.end()) continue;
    if (const std::string_view why = WhyWithoutEffect(lowered); !why.empty()) {
      notes->push_back(fmt::format("{} has no effect: {}", name, why));
    } else {
      // A stray '@', '/' or '?' of a password may have put a part of it here.
      const bool plain = std::ranges::all_of(
          name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_'; });
      mistakes->push_back(fmt::format("{}: {}", plain ? name : "an option", WhyRefused(lowered)));
    }
  }
}

std::string Text(const char* text) { return text == nullptr ? "" : text; }

std::string Option(const mongoc_uri_t* uri, const char* name) {
  return Text(mongoc_uri_get_option_as_utf8(uri, name, nullptr));
}

void SetIfGiven(const mongoc_uri_t* uri, const char* name, absl::Duration* into) {
  if (mongoc_uri_has_option(uri, name)) {
    *into = absl::Milliseconds(mongoc_uri_get_option_as_int32(uri, name, 0));
  }
}

bool IsTrue(const mongoc_uri_t* uri, const char* name) {
  return mongoc_uri_get_option_as_bool(uri, name, false);
}

ReadMode ToReadMode(mongoc_read_mode_t mode) {
  switch (mode) {
    case MONGOC_READ_SECONDARY:
      return ReadMode::kSecondary;
    case MONGOC_READ_PRIMARY_PREFERRED:
      return ReadMode::kPrimaryPreferred;
    case MONGOC_READ_SECONDARY_PREFERRED:
      return ReadMode::kSecondaryPreferred;
    case MONGOC_READ_NEAREST:
      return ReadMode::kNearest;
    default:
      return ReadMode::kPrimary;
  }
}

ReadPreference ToReadPreference(const mongoc_read_prefs_t* preference) {
  ReadPreference read{.mode = ToReadMode(mongoc_read_prefs_get_mode(preference))};
  if (const int64_t seconds = mongoc_read_prefs_get_max_staleness_seconds(preference);
      seconds > 0) {
    read.max_staleness = absl::Seconds(seconds);
  }
  const bson_t* const tags = mongoc_read_prefs_get_tags(preference);
  bson::Reader sets(bson::View::Unchecked(bson_get_data(tags), tags->len));
  for (bson::Element set; sets.Next(&set);) {
    if (set.type != bson::Type::kDocument) continue;
    auto& tag_set = read.tag_sets.emplace_back();
    bson::Reader reader(set.AsDocument());
    for (bson::Element tag; reader.Next(&tag);) {
      tag_set.emplace(tag.name, tag.GetString().value_or(""));
    }
  }
  return read;
}

SeedSet ToSeeds(const mongoc_uri_t* uri) {
  SeedSet seeds{.replica_set = Text(mongoc_uri_get_replica_set(uri)), .hosts = {}};
  for (const mongoc_host_list_t* host = mongoc_uri_get_hosts(uri); host != nullptr;
       host = host->next) {
    seeds.hosts.push_back({static_cast<const char*>(host->host), host->port});
  }
  return seeds;
}

void CheckHosts(const mongoc_uri_t* uri, std::vector<std::string>* mistakes) {
  for (const mongoc_host_list_t* host = mongoc_uri_get_hosts(uri); host != nullptr;
       host = host->next) {
    const std::string_view name(static_cast<const char*>(host->host));
    if (name.find('@') != std::string_view::npos) {
      mistakes->emplace_back(
          "has more than one '@'; write one that belongs to the user's name or password as %40");
    } else if (name.starts_with('/')) {
      mistakes->emplace_back("a Unix socket cannot lead to the other members; give host:port");
    }
  }
}

void CheckMechanism(const std::string& mechanism, std::vector<std::string>* mistakes) {
  for (const std::string_view known : {"", "SCRAM-SHA-1", "SCRAM-SHA-256", kX509}) {
    if (mechanism == known) return;
  }
  mistakes->push_back(fmt::format(
      "authMechanism: {} is not supported; give SCRAM-SHA-1, SCRAM-SHA-256 or MONGODB-X509",
      mechanism));
}

void CheckCompressors(std::string_view text, const std::vector<std::string>& taken,
                      std::vector<std::string>* notes) {
  const std::string lowered = Lowered(text);
  const size_t at = lowered.find("compressors=");
  if (at == std::string::npos) return;
  const std::string_view rest = std::string_view(lowered).substr(at + 12);
  const std::string_view value = rest.substr(0, rest.find('&'));
  if (std::ranges::count(value, ',') + 1 == std::ssize(taken)) return;
  notes->push_back(fmt::format("compressors: only {} is taken",
                               taken.empty() ? "none" : fmt::format("{}", fmt::join(taken, ","))));
}

std::vector<std::string> Compressors(const mongoc_uri_t* uri) {
  std::vector<std::string> names;
  const bson_t* const list = mongoc_uri_get_compressors(uri);
  bson::Reader reader(bson::View::Unchecked(bson_get_data(list), list->len));
  for (bson::Element element; reader.Next(&element);) names.emplace_back(element.name);
  return names;
}

void ReadSecurity(const mongoc_uri_t* uri, ConnectionOptions* options) {
  options->user = Text(mongoc_uri_get_username(uri));
  options->password = Text(mongoc_uri_get_password(uri));
  options->auth_source = Text(mongoc_uri_get_auth_source(uri));
  options->auth_mechanism = Text(mongoc_uri_get_auth_mechanism(uri));
  // As the specification of mongodb+srv:// has it: TLS unless it is turned off.
  options->ssl = mongoc_uri_has_option(uri, MONGOC_URI_TLS)
                     ? IsTrue(uri, MONGOC_URI_TLS)
                     : mongoc_uri_get_tls(uri) || mongoc_uri_get_srv_hostname(uri) != nullptr;
  const bool insecure = IsTrue(uri, MONGOC_URI_TLSINSECURE);
  options->ssl_allow_invalid_hostname =
      insecure || IsTrue(uri, MONGOC_URI_TLSALLOWINVALIDHOSTNAMES);
  options->ssl_allow_invalid_certificates =
      insecure || IsTrue(uri, MONGOC_URI_TLSALLOWINVALIDCERTIFICATES);
  options->ssl_ca_file = Option(uri, MONGOC_URI_TLSCAFILE);
  options->ssl_certificate_key_file = Option(uri, MONGOC_URI_TLSCERTIFICATEKEYFILE);
  options->ssl_certificate_key_password = Option(uri, MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadConnectionString(std::string_view text,
                                                              ConnectionOptions* options) {
  std::vector<std::string> notes;
  std::vector<std::string> mistakes;
  const std::string whole(text);
  bson_error_t error;
  const UriHandle handle(mongoc_uri_new_with_error(whole.c_str(), &error));
  if (handle == nullptr) {
    return absl::InvalidArgumentError(fmt::format("is not a connection string: {}", error.message));
  }
  const mongoc_uri_t* const uri = handle.get();
  CheckHosts(uri, &mistakes);
  SortNames(text, &notes, &mistakes);
  CheckMechanism(Text(mongoc_uri_get_auth_mechanism(uri)), &mistakes);
  if (IsTrue(uri, MONGOC_URI_LOADBALANCED)) {
    mistakes.emplace_back(
        "loadBalanced: a load balancer hides the members, whose oplogs are read; give the members");
  }
  ReadSecurity(uri, options);
  options->compressors = Compressors(uri);
  CheckCompressors(text, options->compressors, &notes);
  options->read_preference = ToReadPreference(mongoc_uri_get_read_prefs_t(uri));
  if (const std::string name = Text(mongoc_uri_get_appname(uri)); !name.empty()) {
    options->application_name = name;
  }
  options->auto_discover = !IsTrue(uri, MONGOC_URI_DIRECTCONNECTION);
  SetIfGiven(uri, MONGOC_URI_CONNECTTIMEOUTMS, &options->connect_timeout);
  SetIfGiven(uri, MONGOC_URI_SOCKETTIMEOUTMS, &options->socket_timeout);
  SetIfGiven(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, &options->server_selection_timeout);
  for (const auto& [name, duration] :
       {std::pair("connectTimeoutMS", options->connect_timeout),
        std::pair("socketTimeoutMS", options->socket_timeout),
        std::pair("serverSelectionTimeoutMS", options->server_selection_timeout)}) {
    const bool may_be_zero = std::string_view(name) == "socketTimeoutMS";
    if (duration < absl::ZeroDuration() || (duration == absl::ZeroDuration() && !may_be_zero)) {
      mistakes.push_back(fmt::format("{}: must be {}", name,
                                     may_be_zero ? "0 or more" : "more than 0 milliseconds"));
    }
  }
  if (mongoc_uri_get_srv_hostname(uri) != nullptr) {
    options->srv_connection_string = whole;
  } else {
    options->seeds = {ToSeeds(uri)};
  }
  if (!mistakes.empty()) {
    return absl::InvalidArgumentError(fmt::format("{}", fmt::join(mistakes, "\n")));
  }
  return notes;
}

absl::Status ResolveSeeds(ConnectionOptions* options) {
  if (options->srv_connection_string.empty() || !options->seeds.empty()) return absl::OkStatus();
  bson_error_t error;
  const UriHandle uri(mongoc_uri_new_with_error(options->srv_connection_string.c_str(), &error));
  if (uri == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("mongodb.connection.string: is not a connection string: {}", error.message));
  }
  const std::string host = Text(mongoc_uri_get_srv_hostname(uri.get()));
  const auto failed = [&host](std::string_view why) {
    return absl::UnavailableError(fmt::format(
        "mongodb.connection.string: the members of {} are not found in the DNS (its SRV records, "
        "`dig SRV _mongodb._tcp.{}`): {}",
        host, host, why));
  };
  // The driver looks the records up when it makes a client, which connects to nothing yet.
  const ClientHandle client(mongoc_client_new_from_uri_with_error(uri.get(), &error));
  if (client == nullptr) return failed(error.message);
  const mongoc_uri_t* const resolved = mongoc_client_get_uri(client.get());
  SeedSet seeds = ToSeeds(resolved);
  if (seeds.hosts.empty()) return failed("they name no member");
  // The TXT record may name the user's database; what the configuration says comes first.
  if (options->auth_source == Text(mongoc_uri_get_auth_source(uri.get()))) {
    options->auth_source = Text(mongoc_uri_get_auth_source(resolved));
  }
  options->seeds = {std::move(seeds)};
  return absl::OkStatus();
}

}  // namespace shardtail::mongo
