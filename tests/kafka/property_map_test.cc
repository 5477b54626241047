#include "kafka/property_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "kafka/properties_table.h"

namespace shardtail::kafka {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

Options WithProducer(Properties producer) {
  return {.bootstrap_servers = "k1:9092", .common = {}, .producer = std::move(producer)};
}

// The values that must be there, among others.
auto Has(const std::map<std::string, std::string>& values) { return testing::IsSupersetOf(values); }

// The translation of one property of the producer, which must be right.
std::map<std::string, std::string> Producer(Properties producer) {
  const Translation translation = TranslateForProducer(WithProducer(std::move(producer)));
  EXPECT_THAT(translation.errors, testing::IsEmpty());
  return translation.values;
}

std::string Mistake(Properties producer) {
  const auto checked = CheckOptions(WithProducer(std::move(producer)));
  return checked.ok() ? "none" : std::string(checked.status().message());
}

TEST(PropertyMap, KeepsEventsSafeAndInOrderByDefault) {
  EXPECT_THAT(Producer({}), Has({{"acks", "all"},
                                 {"enable.idempotence", "true"},
                                 {"partitioner", "murmur2_random"},
                                 {"message.timeout.ms", "0"},
                                 {"compression.type", "lz4"}}));
}

TEST(PropertyMap, GivesJavasNamesAndUnitsInLibrdkafkas) {
  EXPECT_THAT(Producer({{"buffer.memory", "33554432"},
                        {"max.request.size", "2097152"},
                        {"delivery.timeout.ms", "120000"},
                        {"request.timeout.ms", "30000"},
                        {"metadata.max.age.ms", "60000"},
                        {"send.buffer.bytes", "-1"},
                        {"receive.buffer.bytes", "65536"},
                        {"connections.max.idle.ms", "-1"},
                        {"compression.type", "GZIP"},
                        {"linger.ms", " 20 "}}),
              Has({{"queue.buffering.max.kbytes", "32768"},
                   {"message.max.bytes", "2097152"},
                   {"message.timeout.ms", "120000"},
                   {"socket.timeout.ms", "30000"},
                   {"topic.metadata.refresh.interval.ms", "60000"},
                   {"socket.send.buffer.bytes", "0"},
                   {"socket.receive.buffer.bytes", "65536"},
                   {"connections.max.idle.ms", "0"},
                   {"compression.type", "gzip"},
                   {"linger.ms", "20"}}));
}

TEST(PropertyMap, AnOverrideGoesOverTheProducersOwnAndIsNamedAsWritten) {
  Options options = WithProducer({{"linger.ms", "20"}, {"compression.type", "zstd"}});
  options.producer_override = {{"linger.ms", "3"}};
  EXPECT_THAT(TranslateForProducer(options).values,
              Has({{"linger.ms", "3"}, {"compression.type", "zstd"}}));
  options.producer_override = {{"acs", "all"}};
  EXPECT_THAT(std::string(CheckOptions(options).status().message()),
              HasSubstr("producer.override.acs"));
}

TEST(PropertyMap, TakesConnectsLargestTimeoutAsForEver) {
  EXPECT_THAT(Producer({{"delivery.timeout.ms", "2147483647"}}),
              Contains(Pair("message.timeout.ms", "0")));
}

TEST(PropertyMap, ClampsToLibrdkafkasRangeAndSaysSo) {
  const Translation translation =
      TranslateForProducer(WithProducer({{"max.request.size", "2147483647"}}));
  EXPECT_THAT(translation.values, Contains(Pair("message.max.bytes", "1000000000")));
  EXPECT_THAT(translation.notes, Contains("producer.max.request.size: 2147483647 is taken as "
                                          "1000000000, the highest that librdkafka knows"));
}

TEST(PropertyMap, TakesTheLevelOfTheCodecThatIsUsed) {
  const Translation translation =
      TranslateForProducer(WithProducer({{"compression.type", "zstd"},
                                         {"compression.zstd.level", "7"},
                                         {"compression.lz4.level", "9"}}));
  EXPECT_THAT(translation.values, Contains(Pair("compression.level", "7")));
  EXPECT_THAT(translation.notes, testing::ElementsAre(HasSubstr("producer.compression.lz4.level")));
}

TEST(PropertyMap, HandsLibrdkafkasOwnNamesOver) {
  EXPECT_THAT(Producer({{"socket.keepalive.enable", "true"}, {"queue.buffering.max.ms", "7"}}),
              Has({{"socket.keepalive.enable", "true"}, {"linger.ms", "7"}}));
}

TEST(PropertyMap, PutsTheProducersOverTheCommonOnes) {
  const Options options{.bootstrap_servers = "k1:9092",
                        .common = {{"client.id", "worker"}, {"retry.backoff.ms", "200"}},
                        .producer = {{"client.id", "mine"}}};
  EXPECT_THAT(TranslateForProducer(options).values,
              Has({{"client.id", "mine"}, {"retry.backoff.ms", "200"}}));
  EXPECT_THAT(TranslateForOtherClients(options).values, Contains(Pair("client.id", "worker")));
}

TEST(PropertyMap, RefusesWhatBreaksThePromises) {
  EXPECT_EQ(Mistake({{"acks", "1"}}),
            "producer.acks: '1': an event that one broker alone has can be lost with it; set it to "
            "all, or leave it out");
  EXPECT_THAT(Mistake({{"request.required.acks", "0"}}), HasSubstr("can be lost"));
  EXPECT_THAT(Mistake({{"enable.idempotence", "false"}}), HasSubstr("repeat and reorder"));
  EXPECT_THAT(Mistake({{"max.in.flight.requests.per.connection", "6"}}), HasSubstr("1 to 5"));
  EXPECT_THAT(Mistake({{"max.in.flight", "6"}}), HasSubstr("1 to 5"));
  EXPECT_THAT(Mistake({{"retries", "0"}}), HasSubstr("must try again"));
  EXPECT_THAT(Mistake({{"partitioner", "random"}}), HasSubstr("break their order"));
  EXPECT_THAT(Mistake({{"partitioner.class", "org.example.Mine"}}), HasSubstr("Java classes"));
  EXPECT_THAT(Mistake({{"partitioner.ignore.keys", "true"}}), HasSubstr("order"));
  EXPECT_THAT(Mistake({{"queuing.strategy", "lifo"}}), HasSubstr("order"));
  EXPECT_THAT(Mistake({{"delivery.report.only.error", "true"}}), HasSubstr("leave it out"));
  EXPECT_THAT(Mistake({{"transactional.id", "t"}}), HasSubstr("remove the property"));
  EXPECT_THAT(Mistake({{"interceptor.classes", "a.B"}}), HasSubstr("Java class"));
}

TEST(PropertyMap, ListsAllMistakesOneALine) {
  EXPECT_EQ(Mistake({{"acks", "2"}, {"batch.size", "many"}, {"nonsense", "1"}}),
            "producer.acks: '2': an event that one broker alone has can be lost with it; set it to "
            "all, or leave it out\n"
            "producer.batch.size: 'many': is not a whole number\n"
            "producer.nonsense: neither Kafka's Java client nor librdkafka 2.0 has a property of "
            "this name");
}

TEST(PropertyMap, SaysAMistakeOfTheCommonPropertiesOnce) {
  const auto checked = CheckOptions(
      {.bootstrap_servers = "k1:9092", .common = {{"security.protocol", "TLS"}}, .producer = {}});
  EXPECT_EQ(checked.status().message(),
            "security.protocol: Invalid value \"tls\" for configuration property "
            "\"security.protocol\"");
}

TEST(PropertyMap, ChecksTheAddresses) {
  for (const char* servers : {"", "k1", "k1:", ":9092", "k1:99999", "k1:9092,,k2:9092", "k1:90x"}) {
    const auto checked = CheckOptions({.bootstrap_servers = servers, .common = {}, .producer = {}});
    EXPECT_THAT(std::string(checked.status().message()), HasSubstr("is not host:port")) << servers;
  }
  EXPECT_TRUE(
      CheckOptions({.bootstrap_servers = "k1:9092, k2:9092", .common = {}, .producer = {}}).ok());
  EXPECT_TRUE(CheckOptions({.bootstrap_servers = "[::1]:9092", .common = {}, .producer = {}}).ok());
}

TEST(PropertyMap, WantsPartitionsAndReplicasTogether) {
  Options options = WithProducer({});
  options.topic_partitions = 3;
  EXPECT_THAT(std::string(CheckOptions(options).status().message()), HasSubstr("give both"));
  options.topic_replication_factor = -1;
  EXPECT_TRUE(CheckOptions(options).ok());
}

TEST(PropertyMap, KnowsEveryPropertyOfJavasProducerOnceAndSaysWhatBecomesOfIt) {
  std::set<std::string_view> names;
  for (const PropertyRule& rule : PropertyRules()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    EXPECT_EQ(rule.text.empty(), rule.fate == PropertyRule::Fate::kSecurity) << rule.name;
  }
  // `ProducerConfig.configNames()` of Kafka 3.9.1 has 86.
  EXPECT_GE(names.size(), 86U);
}

TEST(PropertyMap, AcceptsWhatHasNoMeaningHereWithTheReason) {
  const auto notes =
      CheckOptions(WithProducer({{"metrics.num.samples", "2"}, {"max.block.ms", "60000"}}));
  ASSERT_TRUE(notes.ok()) << notes.status();
  EXPECT_THAT(*notes, testing::UnorderedElementsAre(
                          HasSubstr("producer.metrics.num.samples: has no effect"),
                          HasSubstr("producer.max.block.ms: has no effect")));
}

// Security ---------------------------------------------------------------------------------------

class KeyStoreTest : public testing::Test {
 protected:
  KeyStoreTest() {
    std::string name = testing::TempDir() + "shardtail-stores-XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~KeyStoreTest() override { std::filesystem::remove_all(directory_); }

  std::string File(const std::string& name, const std::string& content) {
    std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::string directory_;
};

constexpr char kPem[] = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";

TEST_F(KeyStoreTest, TakesPemFilesOfJava) {
  const std::string path = File("store", kPem);
  EXPECT_THAT(Producer({{"ssl.truststore.type", "PEM"},
                        {"ssl.truststore.location", path},
                        {"ssl.keystore.location", path},
                        {"ssl.key.password", "secret"}}),
              Has({{"ssl.ca.location", path},
                   {"ssl.certificate.location", path},
                   {"ssl.key.location", path},
                   {"ssl.key.password", "secret"}}));
}

TEST_F(KeyStoreTest, TakesPemTextOfJava) {
  EXPECT_THAT(Producer({{"ssl.truststore.certificates", kPem}}),
              Contains(Pair("ssl.ca.pem", HasSubstr("MII="))));
}

TEST_F(KeyStoreTest, TakesAPkcs12KeyStoreWithItsPassword) {
  const std::string path = File("store.jks", "0\x82\x0a\x99");  // Java too looks at the content
  EXPECT_THAT(Producer({{"ssl.keystore.location", path}, {"ssl.keystore.password", "secret"}}),
              Has({{"ssl.keystore.location", path}, {"ssl.keystore.password", "secret"}}));
}

TEST_F(KeyStoreTest, RefusesJavasOwnKeyStoresWithTheCommandThatConvertsThem) {
  const std::string path = File("store", "\xFE\xED\xFE\xED\1\2");
  EXPECT_EQ(Mistake({{"ssl.truststore.location", path}}),
            "producer.ssl.truststore.location: " + path +
                " is a Java key store; convert it with `keytool -list -rfc -keystore " + path +
                " > " + path + ".pem`, and give " + path + ".pem");
  EXPECT_THAT(Mistake({{"ssl.keystore.location", path}}), HasSubstr("-deststoretype PKCS12"));
}

TEST_F(KeyStoreTest, SaysThatAFileCannotBeRead) {
  EXPECT_EQ(Mistake({{"ssl.truststore.location", "/nowhere/ca.pem"}}),
            "producer.ssl.truststore.location: cannot read /nowhere/ca.pem: No such file or "
            "directory");
  const std::string path = File("store", "");
  EXPECT_THAT(Mistake({{"ssl.keystore.location", path}}), HasSubstr("too short"));
}

TEST(PropertyMapSecurity, TakesUserAndPasswordFromJaas) {
  const char* const jaas =
      "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"alice\" "
      "password=\"pass\";";
  EXPECT_THAT(Producer({{"security.protocol", "SASL_SSL"},
                        {"sasl.mechanism", "SCRAM-SHA-512"},
                        {"sasl.jaas.config", jaas}}),
              Has({{"security.protocol", "sasl_ssl"},
                   {"sasl.mechanism", "SCRAM-SHA-512"},
                   {"sasl.username", "alice"},
                   {"sasl.password", "pass"}}));
}

TEST(PropertyMapSecurity, TakesKeytabAndPrincipalFromJaas) {
  const char* const jaas =
      "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true "
      "keyTab=\"/etc/k.keytab\" principal=\"c@REALM\";";
  EXPECT_THAT(
      Producer({{"sasl.jaas.config", jaas}, {"sasl.kerberos.kinit.cmd", "/usr/bin/kinit"}}),
      Has({{"sasl.kerberos.keytab", "/etc/k.keytab"},
           {"sasl.kerberos.principal", "c@REALM"},
           {"sasl.kerberos.kinit.cmd",
            "/usr/bin/kinit -R -t \"%{sasl.kerberos.keytab}\" -k %{sasl.kerberos.principal} || "
            "/usr/bin/kinit -t \"%{sasl.kerberos.keytab}\" -k %{sasl.kerberos.principal}"}}));
}

TEST(PropertyMapSecurity, NeverShowsASecret) {
  const std::string mistakes = Mistake({{"sasl.jaas.config", "m required password=\"s3cret\""},
                                        {"sasl.mechanism", "OAUTHBEARER"},
                                        {"ssl_key", "s3cret"}});
  EXPECT_THAT(mistakes, Not(HasSubstr("s3cret")));
  EXPECT_THAT(mistakes, HasSubstr("producer.sasl.jaas.config: at character 29"));
  EXPECT_THAT(mistakes, HasSubstr("producer.sasl.mechanism: OAUTHBEARER is not there"));
  EXPECT_THAT(mistakes, HasSubstr("producer.ssl_key: librdkafka does not take the value"));
}

TEST(PropertyMapSecurity, NamesTheLoginModulesThatAreThere) {
  EXPECT_THAT(
      Mistake({{"sasl.jaas.config", "software.amazon.msk.auth.iam.IAMLoginModule required;"}}),
      HasSubstr("software.amazon.msk.auth.iam.IAMLoginModule is not there; "
                "PlainLoginModule"));
  EXPECT_THAT(Mistake({{"sasl.jaas.config", "x.PlainLoginModule required username=\"a\";"}}),
              HasSubstr("PlainLoginModule needs password="));
}

TEST(PropertyMapSecurity, TakesJavasEmptyAlgorithmAsNoHostnameCheck) {
  EXPECT_THAT(Producer({{"ssl.endpoint.identification.algorithm", ""}}),
              Contains(Pair("ssl.endpoint.identification.algorithm", "none")));
}

TEST(PropertyMapSecurity, WantsOpensslsNamesOfCiphers) {
  EXPECT_THAT(Mistake({{"ssl.cipher.suites", "TLS_AES_128_GCM_SHA256"}}), HasSubstr("openssl"));
  EXPECT_THAT(Producer({{"ssl.cipher.suites", "AES256-SHA,AES128-SHA"}}),
              Contains(Pair("ssl.cipher.suites", "AES256-SHA:AES128-SHA")));
}

}  // namespace
}  // namespace shardtail::kafka
