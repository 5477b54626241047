#include "config/mongodb_hosts.h"
#include "config/property_table.h"
#include "config/text_file.h"

namespace shardtail::config {
namespace {

using Mongo = mongo::ConnectionOptions;

Property Hosts() {
  Property property{
      .name = "mongodb.hosts",
      .type = "list",
      .help =
          "Required, or `mongodb.connection.string`. Seeds of the replica set to capture, "
          "`rs0/host:port,host:port`, or `host:port,…` alone; of several, separated by `;`; or of "
          "a "
          "sharded cluster's config server replica set, through which all shards are found. The "
          "port is 27017 where it is left out; an IPv6 address stands in brackets."};
  property.read = [](std::string_view, const std::string& value, Configuration& into) {
    absl::StatusOr<std::vector<mongo::SeedSet>> seeds = ParseSeedSets(value);
    if (!seeds.ok()) return seeds.status();
    // Empty is as good as not given: a connection string's stay.
    if (!seeds->empty()) into.mongo.seeds = *std::move(seeds);
    return absl::OkStatus();
  };
  return property;
}

// Read by the ConnectionStringReader, before all others.
Property ConnectionString() {
  Property property{
      .name = "mongodb.connection.string",
      .type = "string",
      .help =
          "Instead of `mongodb.hosts`: `mongodb://user:password@host:port,…/?replicaSet=rs0&…`, or "
          "`mongodb+srv://…`, whose members are looked up in the DNS at each start. Signs that "
          "have a meaning in it are percent-encoded. A property that is given beside it wins over "
          "the same in it. Never shown."};
  property.read = [](std::string_view, const std::string&, Configuration&) {
    return absl::OkStatus();
  };
  return property;
}

enum class Holds { kCertificates, kCertificateAndKey };

// What to do about a file that is not PEM: Java's key stores by their first bytes, JKS's magic
// number and the DER sequence of a PKCS #12.
absl::Status CheckPem(const std::string& path, std::string_view text, Holds holds) {
  const bool key = holds == Holds::kCertificateAndKey;
  const bool pem = text.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos ||
                   text.find("-----BEGIN TRUSTED CERTIFICATE-----") != std::string_view::npos;
  if (pem && (!key || text.find("PRIVATE KEY-----") != std::string_view::npos)) {
    return absl::OkStatus();
  }
  if (text.starts_with("\xfe\xed\xfe\xed")) {
    return absl::InvalidArgumentError(
        key ? fmt::format("'{0}' is a Java key store; convert it to a PEM file with `keytool "
                          "-importkeystore -srckeystore {0} -destkeystore {0}.p12 -deststoretype "
                          "PKCS12` and `openssl pkcs12 -in {0}.p12 -out {0}.pem -nodes`",
                          path)
            : fmt::format("'{0}' is a Java key store; convert it to a PEM file with `keytool -list "
                          "-rfc -keystore {0} > {0}.pem`",
                          path));
  }
  if (text.starts_with('\x30')) {
    return absl::InvalidArgumentError(
        key ? fmt::format("'{0}' is a PKCS #12 key store; convert it to a PEM file with `openssl "
                          "pkcs12 -in {0} -out {0}.pem -nodes`",
                          path)
            : fmt::format("'{0}' is a PKCS #12 key store; convert it to a PEM file with `keytool "
                          "-list -rfc -keystore {0} > {0}.pem`",
                          path));
  }
  return absl::InvalidArgumentError(
      fmt::format("'{}' holds no {} in PEM form", path,
                  !pem ? "certificate" : "private key beside the certificate"));
}

// A file that must be there, and readable by us, at the start.
Property PemFile(std::string name, Holds holds, FieldOf<std::string> field, std::string help) {
  Property property{.name = std::move(name), .type = "file", .help = std::move(help)};
  property.read = [holds, field = std::move(field)](std::string_view, const std::string& value,
                                                    Configuration& into) {
    const std::string path(Trimmed(value));
    field(into) = path;
    if (path.empty()) return absl::OkStatus();
    const absl::StatusOr<std::string> text = ReadTextFile(path);
    return text.ok() ? CheckPem(path, *text, holds) : text.status();
  };
  return property;
}

// The kind of a later connector's store: the files here are PEM.
Property StoreType(std::string name) {
  Property property{.name = std::move(name),
                    .type = "`PEM`",
                    .default_text = "PEM",
                    .help = "Java's key stores are converted to PEM files: a message says how."};
  property.read = [](std::string_view, const std::string& value, Configuration&) {
    if (Lowered(Trimmed(value)) == "pem") return absl::OkStatus();
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not supported; convert the store to a PEM file (for PKCS12 `openssl "
                    "pkcs12 -in STORE -out FILE -nodes`; for JKS first `keytool -importkeystore "
                    "-srckeystore STORE -destkeystore STORE.p12 -deststoretype PKCS12`), and give "
                    "PEM, or leave this out",
                    Trimmed(value)));
  };
  return property;
}

// The property's older form.
Property PollIntervalSeconds() {
  Property property{.name = "mongodb.poll.interval.sec",
                    .type = "integer",
                    .help = "The older form of mongodb.poll.interval.ms, which wins over it."};
  property.read = [](std::string_view, const std::string& value, Configuration& into) {
    const absl::StatusOr<int64_t> seconds = ParseInteger(value, kPositive);
    if (seconds.ok()) into.topology.poll_interval = absl::Seconds(*seconds);
    return seconds.status();
  };
  return property;
}

PropertyGroup Connector() {
  return {
      .title = "The connector",
      .introduction = "",
      .properties = {
          Text("name", Field(&offsets::Options::connector_name),
               "The connector's name: the first part of a stored offset's key.")
              .WithDefault("`mongodb.name`"),
          JavaClass("connector.class", "io.debezium.connector.mongodb.MongoDbConnector",
                    "Checked: another connector's configuration is refused.",
                    "shardtail stands in for io.debezium.connector.mongodb.MongoDbConnector alone"),
          WithoutEffect("tasks.max", AnyInteger(kPositive), "1",
                        "one process captures all that it is told to"),
      }};
}

// The count and the index together are looked at in consistency.cc.
PropertyGroup SharedCapture() {
  return {
      .title = "Several processes",
      .introduction =
          "shardtail's own. Processes with one configuration share the replica sets: see "
          "[topologies.md](topologies.md#several-processes), also for what is given up between the "
          "shards of one cluster. A change of the count is a stop of all processes.",
      .properties = {
          Integer("shard.assignment.count", {1, 1000}, Field(&topology::Options::assignment_count),
                  "How many processes share the replica sets. Each belongs to one process, by the "
                  "replica set's name (rendezvous hashing): a new shard moves no other. More than "
                  "1 needs offsets in a Kafka topic."),
          Integer("shard.assignment.index", {0, 999}, Field(&topology::Options::assignment_index),
                  "Which of them this one is, from 0.")
              .WithDefault("the number at the end of the host name: 3 on `shardtail-3`"),
      }};
}

PropertyGroup Connection() {
  return {
      .title = "MongoDB",
      .introduction = "",
      .properties = {
          Hosts(),
          ConnectionString(),
          Text("mongodb.name", Field(&encoding::Options::logical_name),
               "Required. The logical name: begins each topic's name, and names the deployment in "
               "each event and stored offset.")
              .AlsoNamed({"topic.prefix"}),
          Text("mongodb.user", Field(&Mongo::user),
               "Who to be; needs `mongodb.password`. Without it there is no authentication."),
          Secret("mongodb.password", Field(&Mongo::password), "Never shown."),
          Text("mongodb.authsource", Field(&Mongo::auth_source),
               "The database that holds the user."),
          Boolean("mongodb.ssl.enabled", Field(&Mongo::ssl), "Connects by TLS."),
          Boolean("mongodb.ssl.invalid.hostname.allowed", Field(&Mongo::ssl_allow_invalid_hostname),
                  "Takes a certificate that is for another host."),
          PemFile("mongodb.ssl.ca.file", Holds::kCertificates, Field(&Mongo::ssl_ca_file),
                  "shardtail's own. PEM file of the authorities to trust; else the system's. "
                  "(Debezium takes them from the JVM's trust store.)")
              .AlsoNamed({"mongodb.ssl.truststore"}),
          PemFile("mongodb.ssl.certificate.key.file", Holds::kCertificateAndKey,
                  Field(&Mongo::ssl_certificate_key_file),
                  "shardtail's own. PEM file with the client's certificate and private key. With a "
                  "user and without a password, the user authenticates by it (X.509).")
              .AlsoNamed({"mongodb.ssl.keystore"}),
          Secret("mongodb.ssl.certificate.key.password",
                 Field(&Mongo::ssl_certificate_key_password),
                 "shardtail's own. Of the private key, where it is encrypted. Never shown.")
              .AlsoNamed({"mongodb.ssl.keystore.password"}),
          WithoutEffect("mongodb.connection.mode", AnyText(), "",
                        "what answers at the given addresses decides"),
          Refused("mongodb.connection.string.shard.params", "string", "",
                  "the options of mongodb.connection.string hold for the shards, too; give them "
                  "there"),
          StoreType("mongodb.ssl.keystore.type"),
          StoreType("mongodb.ssl.truststore.type"),
          WithoutEffect("mongodb.ssl.truststore.password",
                        {"password", [](const std::string&) { return absl::OkStatus(); }}, "",
                        "a PEM file of certificates has no password"),
          Boolean("mongodb.members.auto.discover", Field(&Mongo::auto_discover),
                  "Whether the replica set's other members are found through `mongodb.hosts`; "
                  "`false` uses only the addresses given, for a deployment behind a proxy."),
          Milliseconds("mongodb.connect.timeout.ms", kPositive, Field(&Mongo::connect_timeout),
                       "The longest wait for a connection."),
          Milliseconds("mongodb.socket.timeout.ms", kNotNegative, Field(&Mongo::socket_timeout),
                       "The longest wait for an answer. 0: 30 s, longer than any command needs, so "
                       "that a half-open connection is noticed."),
          Milliseconds("mongodb.server.selection.timeout.ms", kPositive,
                       Field(&Mongo::server_selection_timeout),
                       "The longest wait for a primary before it counts as a failed attempt."),
          PollIntervalSeconds(),
          Milliseconds("mongodb.poll.interval.ms", kPositive,
                       Field(&topology::Options::poll_interval),
                       "How often the config servers are asked for new, changed and removed "
                       "shards."),
      }};
}

PropertyGroup Retries() {
  using Topology = topology::Options;
  return {
      .title = "Trying again",
      .introduction =
          "After an error that may pass (network, election, no primary) capturing starts again "
          "from the stored position; each wait is twice the one before.",
      .properties = {
          Milliseconds("connect.backoff.initial.delay.ms", kPositive,
                       Field(&Topology::backoff_initial), "The wait after the first failure."),
          Milliseconds("connect.backoff.max.delay.ms", kPositive, Field(&Topology::backoff_max),
                       "The longest wait."),
          Integer("connect.max.attempts", kPositive, Field(&Topology::max_attempts),
                  "Failed attempts in a row after which the replica set is given up as FAILED; the "
                  "others go on. With the defaults the waits alone are 20 minutes; an attempt "
                  "that finds no primary takes mongodb.server.selection.timeout.ms as well."),
          WithoutEffect("retriable.restart.connector.wait.ms", AnyMilliseconds(kNotNegative),
                        "10000",
                        "the wait before a restart is that of connect.backoff.initial.delay.ms and "
                        "connect.backoff.max.delay.ms"),
      }};
}

}  // namespace

std::vector<PropertyGroup> ConnectionProperties() {
  return {Connector(), Connection(), SharedCapture(), Retries()};
}

}  // namespace shardtail::config
