#ifndef SHARDTAIL_MONGO_OPTIONS_H_
#define SHARDTAIL_MONGO_OPTIONS_H_

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
};

// How to reach the deployment and who to be there. Secrets: never log this as a whole.
struct ConnectionOptions {
  std::vector<SeedSet> seeds;  // mongodb.hosts
  std::string user;            // mongodb.user; empty: no authentication
  std::string password;
  std::string auth_source = "admin";        // mongodb.authsource
  bool ssl = false;                         // mongodb.ssl.enabled
  bool ssl_allow_invalid_hostname = false;  // mongodb.ssl.invalid.hostname.allowed
  std::string ssl_ca_file;                  // PEM; empty: the system's
  std::string ssl_certificate_key_file;     // PEM, client certificate and key
  bool auto_discover = true;                // mongodb.members.auto.discover
  absl::Duration connect_timeout = absl::Seconds(10);
  absl::Duration socket_timeout = absl::ZeroDuration();  // zero: ours, see Client
  absl::Duration server_selection_timeout = absl::Seconds(30);
};

}  // namespace shardtail::mongo

#endif  // SHARDTAIL_MONGO_OPTIONS_H_
