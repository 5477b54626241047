#ifndef SHARDTAIL_MONGO_OPTIONS_H_
#define SHARDTAIL_MONGO_OPTIONS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace shardtail::mongo {

// `host:port`, the host an IPv6 address in brackets or a name; the form in which `hello` lists
// members.
struct HostAndPort {
  std::string host;
  int port = 27017;
  friend bool operator==(const HostAndPort&, const HostAndPort&) = default;
  std::string ToString() const {
    const bool ipv6 = host.find(':') != std::string::npos;
    return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }
};

// One element of mongodb.hosts: `rs0/h1:p1,h2:p2`, the name left out for plain seeds.
struct SeedSet {
  std::string replica_set;  // empty: whatever answers
  std::vector<HostAndPort> hosts;
  friend bool operator==(const SeedSet&, const SeedSet&) = default;
};

// Which member's oplog is read, by MongoDB's words.
enum class ReadMode { kPrimary, kPrimaryPreferred, kSecondary, kSecondaryPreferred, kNearest };

struct ReadPreference {
  ReadMode mode = ReadMode::kPrimary;
  // A member is taken when it has every tag of a set; the first set that some member has counts.
  // None: any member.
  std::vector<std::map<std::string, std::string>> tag_sets;
  // How far behind the primary a secondary may be; zero: however far. MongoDB wants 90 s or more.
  absl::Duration max_staleness = absl::ZeroDuration();
};

// A mechanism of authentication that has no password: the client certificate tells who it is.
inline constexpr char kX509[] = "MONGODB-X509";

// How to reach the deployment and who to be there. Secrets: never log this as a whole.
struct ConnectionOptions {
  // mongodb.hosts or mongodb.connection.string; empty until ResolveSeeds() where that is a
  // mongodb+srv:// one.
  std::vector<SeedSet> seeds;
  std::string srv_connection_string;  // mongodb+srv://…, with its secrets; else empty
  std::string user;                   // mongodb.user; empty: no authentication, or X.509
  std::string password;
  std::string auth_source = "admin";        // mongodb.authsource
  std::string auth_mechanism;               // empty: the strongest SCRAM that the user has
  bool ssl = false;                         // mongodb.ssl.enabled
  bool ssl_allow_invalid_hostname = false;  // mongodb.ssl.invalid.hostname.allowed
  bool ssl_allow_invalid_certificates = false;
  std::string ssl_ca_file;                   // PEM; empty: the system's
  std::string ssl_certificate_key_file;      // PEM, client certificate and key
  std::string ssl_certificate_key_password;  // of the key, where it is encrypted
  std::vector<std::string> compressors;      // snappy, zlib, zstd, the preferred first; empty: none
  std::string application_name = "shardtail";  // in the server's log and currentOp
  ReadPreference read_preference;
  bool auto_discover = true;  // mongodb.members.auto.discover
  absl::Duration connect_timeout = absl::Seconds(10);
  absl::Duration socket_timeout = absl::ZeroDuration();  // zero: ours, see Client
  absl::Duration server_selection_timeout = absl::Seconds(30);
};

}  // namespace shardtail::mongo

#endif  // SHARDTAIL_MONGO_OPTIONS_H_
