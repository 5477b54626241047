#include "mongo/connection_string.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/mongo/driver.h"

namespace shardtail::mongo {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

class ConnectionStringTest : public ::testing::Test {
 protected:
  ConnectionStringTest() { StartDriver(); }  // keeps the driver's warnings out of standard error

  ConnectionOptions Read(std::string_view text) {
    ConnectionOptions options;
    const auto read = ReadConnectionString(text, &options);
    EXPECT_TRUE(read.ok()) << text << ": " << read.status();
    notes_ = read.value_or(std::vector<std::string>());
    return options;
  }

  static std::string MistakesIn(std::string_view text) {
    ConnectionOptions options;
    const auto read = ReadConnectionString(text, &options);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << text;
    return std::string(read.status().message());
  }

  std::vector<std::string> notes_;
};

TEST_F(ConnectionStringTest, NamesTheMembersAndTheirReplicaSet) {
  const ConnectionOptions options = Read("mongodb://a:1,[::1]:2,b/?replicaSet=rs0");
  ASSERT_EQ(options.seeds.size(), 1U);
  EXPECT_EQ(options.seeds[0].replica_set, "rs0");
  EXPECT_THAT(options.seeds[0].hosts,
              ElementsAre(HostAndPort{"a", 1}, HostAndPort{"::1", 2}, HostAndPort{"b", 27017}));
  EXPECT_TRUE(options.auto_discover);
  EXPECT_TRUE(options.user.empty());
  EXPECT_FALSE(options.ssl);
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(ConnectionStringTest, DecodesTheUsersNameAndPassword) {
  const ConnectionOptions options = Read("mongodb://a%40b:p%3A%2F%25%C3%BC%20+@h/users");
  EXPECT_EQ(options.user, "a@b");
  EXPECT_EQ(options.password, "p:/%ü +");
  EXPECT_EQ(options.auth_source, "users") << "the database, where authSource is not given";
  EXPECT_EQ(Read("mongodb://a:b@h/users?authSource=others").auth_source, "others");
  EXPECT_EQ(Read("mongodb://a:b@h").auth_source, "admin");
}

TEST_F(ConnectionStringTest, ReadsTheMechanismAndTls) {
  EXPECT_EQ(Read("mongodb://a:b@h/?authMechanism=SCRAM-SHA-1").auth_mechanism, "SCRAM-SHA-1");
  const ConnectionOptions options = Read(
      "mongodb://CN=joe@h/?authMechanism=MONGODB-X509&tls=true&tlsCAFile=/a%20b/ca.pem"
      "&tlsCertificateKeyFile=/key.pem&tlsCertificateKeyFilePassword=p%26q");
  EXPECT_EQ(options.auth_mechanism, kX509);
  EXPECT_EQ(options.auth_source, "$external");
  EXPECT_EQ(options.user, "CN=joe");
  EXPECT_TRUE(options.ssl);
  EXPECT_FALSE(options.ssl_allow_invalid_hostname);
  EXPECT_EQ(options.ssl_ca_file, "/a b/ca.pem");
  EXPECT_EQ(options.ssl_certificate_key_file, "/key.pem");
  EXPECT_EQ(options.ssl_certificate_key_password, "p&q");
}

TEST_F(ConnectionStringTest, WhatTlsLetsPassIsReadByEachOfItsNames) {
  const ConnectionOptions hostname = Read("mongodb://h/?ssl=true&tlsAllowInvalidHostnames=true");
  EXPECT_TRUE(hostname.ssl && hostname.ssl_allow_invalid_hostname);
  EXPECT_FALSE(hostname.ssl_allow_invalid_certificates);
  const ConnectionOptions insecure = Read("mongodb://h/?tls=true&tlsInsecure=true");
  EXPECT_TRUE(insecure.ssl_allow_invalid_hostname && insecure.ssl_allow_invalid_certificates);
}

TEST_F(ConnectionStringTest, ReadsTheReadPreference) {
  EXPECT_EQ(Read("mongodb://h").read_preference.mode, ReadMode::kPrimary);
  const std::map<std::string, ReadMode> modes = {
      {"primary", ReadMode::kPrimary},
      {"primaryPreferred", ReadMode::kPrimaryPreferred},
      {"secondary", ReadMode::kSecondary},
      {"secondaryPreferred", ReadMode::kSecondaryPreferred},
      {"nearest", ReadMode::kNearest}};
  for (const auto& [name, mode] : modes) {
    EXPECT_EQ(Read("mongodb://h/?readPreference=" + name).read_preference.mode, mode) << name;
  }
  const ReadPreference preference =
      Read(
          "mongodb://h/?readPreference=secondary&readPreferenceTags=dc:ny,rack:1"
          "&readPreferenceTags=&maxStalenessSeconds=120")
          .read_preference;
  EXPECT_EQ(preference.max_staleness, absl::Seconds(120));
  EXPECT_THAT(preference.tag_sets,
              ElementsAre(ElementsAre(Pair("dc", "ny"), Pair("rack", "1")), IsEmpty()));
}

TEST_F(ConnectionStringTest, ReadsTimeoutsCompressorsAndTheRest) {
  const ConnectionOptions options = Read(
      "mongodb://h/?connectTimeoutMS=1&socketTimeoutMS=2&serverSelectionTimeoutMS=3"
      "&appName=mine&directConnection=true&compressors=zlib,snappy");
  EXPECT_EQ(options.connect_timeout, absl::Milliseconds(1));
  EXPECT_EQ(options.socket_timeout, absl::Milliseconds(2));
  EXPECT_EQ(options.server_selection_timeout, absl::Milliseconds(3));
  EXPECT_EQ(options.application_name, "mine");
  EXPECT_FALSE(options.auto_discover);
  EXPECT_THAT(options.compressors, ElementsAre("zlib", "snappy"));
}

TEST_F(ConnectionStringTest, TellsWhatHasNoEffect) {
  Read("mongodb://h/?retryWrites=true&w=majority&maxPoolSize=5&readConcernLevel=local");
  EXPECT_THAT(notes_,
              ElementsAre("retryWrites has no effect: nothing is written to MongoDB",
                          "w has no effect: nothing is written to MongoDB",
                          StartsWith("maxPoolSize has no effect: each reader has one connection"),
                          StartsWith("readConcernLevel has no effect: only what a majority has")));
  Read("mongodb://h/?compressors=zlib,lz5");
  EXPECT_THAT(notes_, ElementsAre("compressors: only zlib is taken"));
}

TEST_F(ConnectionStringTest, RefusesWhatItWouldNotHonour) {
  EXPECT_EQ(MistakesIn("mongodb://h/?sslInvalidHostNameAllowed=true&foo=1"),
            "sslInvalidHostNameAllowed: write tlsAllowInvalidHostnames\n"
            "foo: is not supported; leave it out, or correct its name");
  EXPECT_THAT(MistakesIn("mongodb://u:p@h/?authMechanism=PLAIN"),
              HasSubstr("authMechanism: PLAIN is not supported"));
  EXPECT_THAT(MistakesIn("mongodb://h/?loadBalanced=true"), HasSubstr("loadBalanced: "));
  EXPECT_THAT(MistakesIn("mongodb://%2Ftmp%2Fmongodb-27017.sock"), HasSubstr("Unix socket"));
  EXPECT_THAT(MistakesIn("mongodb://h/?socketTimeoutMS=-5"),
              HasSubstr("socketTimeoutMS: must be 0 or more"));
  EXPECT_THAT(MistakesIn("mongodb://h/?connectTimeoutMS=0"), HasSubstr("connectTimeoutMS: must"));
  EXPECT_THAT(MistakesIn("mongodb://h/?readPreference=primary&maxStalenessSeconds=100"),
              HasSubstr("readPreferences"));
}

TEST_F(ConnectionStringTest, NoMistakeOrNoteShowsASecret) {
  for (const char* text :
       {"http://joe:hush@h", "mongodb://joe:hush%zz@h", "mongodb://joe:hush@h:99999",
        "mongodb://joe:x@hush@h", "mongodb://joe:x?hush@h/", "mongodb://joe:x/hush@h",
        "mongodb://joe:hush@h/?foo=1", "mongodb://joe:x@h/?x@hush=1",
        "mongodb://joe:hush@h/?tls=perhaps", "mongodb://h/?tlsCertificateKeyFilePassword=hush&a=b",
        "mongodb+srv://joe:hush@h.example.com:27017", "mongodb+srv://joe:hush@a,b"}) {
    EXPECT_THAT(MistakesIn(text), AllOf(Not(HasSubstr("hush")), Not(IsEmpty()))) << text;
  }
  EXPECT_THAT(MistakesIn("mongodb://joe:x@hush@h"), HasSubstr("%40"));
}

TEST_F(ConnectionStringTest, TheMembersOfAnSrvNameAreLookedUpLater) {
  const ConnectionOptions options =
      Read("mongodb+srv://joe:hush@cluster.example.com/?replicaSet=rs0");
  EXPECT_THAT(options.seeds, IsEmpty());
  EXPECT_FALSE(options.srv_connection_string.empty());
  EXPECT_TRUE(options.ssl) << "unless it is turned off";
  EXPECT_FALSE(Read("mongodb+srv://cluster.example.com/?tls=false").ssl);
}

TEST_F(ConnectionStringTest, AnSrvNameThatIsNotThereIsToldWithTheCommandThatShowsIt) {
  // RFC 2606 keeps .invalid out of the DNS.
  ConnectionOptions options = Read("mongodb+srv://joe:hush@cluster.example.invalid");
  const absl::Status resolved = ResolveSeeds(&options);
  EXPECT_EQ(resolved.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(resolved.message()),
              AllOf(HasSubstr("mongodb.connection.string"), Not(HasSubstr("hush")),
                    HasSubstr("dig SRV _mongodb._tcp.cluster.example.invalid")));
}

TEST_F(ConnectionStringTest, SeedsThatAreKnownStayAsTheyAre) {
  ConnectionOptions options = Read("mongodb://a:1");
  EXPECT_TRUE(ResolveSeeds(&options).ok());
  EXPECT_EQ(options.seeds.front().hosts.size(), 1U);
}

}  // namespace
}  // namespace shardtail::mongo
