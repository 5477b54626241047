#include "config/references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/config/loading.h"
#include "tests/config/temporary_directory.h"

namespace shardtail::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ReferencesTest : public ::testing::Test {
 protected:
  void SetUp() override { setenv("SHARDTAIL_TEST_NAME", "joe", /*replace=*/1); }
  void TearDown() override { unsetenv("SHARDTAIL_TEST_NAME"); }

  Given Resolved(const std::string& value) {
    GivenProperties given = providers_;
    given["p"] = {"p", value, {}};
    ResolveReferences(&given, &mistakes_);
    return given["p"];
  }

  TemporaryDirectory directory_;
  GivenProperties providers_;
  Findings mistakes_;
};

TEST_F(ReferencesTest, AnEnvironmentVariable) {
  EXPECT_EQ(Resolved("${env:SHARDTAIL_TEST_NAME}").value, "joe");
  EXPECT_TRUE(mistakes_.empty());
}

TEST_F(ReferencesTest, APropertyOfAFile) {
  const std::string file = directory_.Write("s.properties", "user=ann\npass\\ word=a:b}\\u00e9\n");
  EXPECT_EQ(Resolved("${file:" + file + ":user}").value, "ann");
  EXPECT_EQ(Resolved("${file:" + file + ":pass word}").value, "a:b}é");
  EXPECT_TRUE(mistakes_.empty());
}

TEST_F(ReferencesTest, AFileOfADirectoryWithoutTheLineEndAtItsEnd) {
  directory_.Write("plain", "secret");
  directory_.Write("unix", " sec ret \n");
  directory_.Write("windows", "secret\r\n");
  const std::string start = "${dir:" + directory_.path() + ":";
  EXPECT_EQ(Resolved(start + "plain}").value, "secret");
  EXPECT_EQ(Resolved(start + "unix}").value, " sec ret ");
  EXPECT_EQ(Resolved(start + "windows}").value, "secret");
  directory_.Write("empty", "");
  EXPECT_EQ(Resolved(start + "empty}").value, "");
  EXPECT_EQ(Resolved("${directory:" + directory_.path() + ":plain}").value, "secret");
  EXPECT_TRUE(mistakes_.empty());
}

TEST_F(ReferencesTest, SeveralInOneValueAmongOtherText) {
  const Given given = Resolved("a ${env:SHARDTAIL_TEST_NAME}/${env:SHARDTAIL_TEST_NAME} z");
  EXPECT_EQ(given.value, "a joe/joe z");
  EXPECT_EQ(given.reference, "a ${env:SHARDTAIL_TEST_NAME}/${env:SHARDTAIL_TEST_NAME} z");
}

TEST_F(ReferencesTest, OtherTextStaysAsItIs) {
  for (const char* text : {"", "plain", "$env:X", "${}", "${name}", "a$", "shop\\.${", "}${x"}) {
    EXPECT_EQ(Resolved(text).value, text);
    EXPECT_EQ(Resolved(text).reference, "");
  }
  EXPECT_TRUE(mistakes_.empty());
}

TEST_F(ReferencesTest, WhatAReferenceBringsInIsNotLookedThroughAgain) {
  directory_.Write("nested", "${env:SHARDTAIL_TEST_NAME}");
  EXPECT_EQ(Resolved("${dir:" + directory_.path() + ":nested}").value,
            "${env:SHARDTAIL_TEST_NAME}");
}

TEST_F(ReferencesTest, AProviderMayHaveAnotherNameByItsClass) {
  const std::string file = directory_.Write("s.properties", "user=ann\n");
  providers_["config.providers"] = {"config.providers", "vault,surroundings", {}};
  const auto declare = [this](const std::string& name, const std::string& class_name) {
    const std::string property = "config.providers." + name + ".class";
    providers_[property] = {property, "org.apache.kafka.common.config.provider." + class_name, {}};
  };
  declare("vault", "FileConfigProvider");
  declare("surroundings", "EnvVarConfigProvider");
  declare("place", "DirectoryConfigProvider");
  EXPECT_EQ(Resolved("${vault:" + file + ":user}").value, "ann");
  EXPECT_EQ(Resolved("${surroundings:SHARDTAIL_TEST_NAME}").value, "joe");
  EXPECT_EQ(Resolved("${place:" + directory_.path() + ":s.properties}").value, "user=ann");
  EXPECT_TRUE(mistakes_.empty());
}

TEST_F(ReferencesTest, WhatCannotBeResolvedNamesPropertyAndReference) {
  const std::string file = directory_.Write("s.properties", "password=hush\n");
  const std::string broken = directory_.Write("b.properties", "password=hush\\u12\n");
  const std::string path = directory_.path();
  for (const std::string& reference :
       {std::string("env:SHARDTAIL_TEST_NONE"), std::string("env:/path:SHARDTAIL_TEST_NAME"),
        "file:" + file + ":user", "file:" + path + "/none:user", "file:" + path + ":user",
        "file:" + broken + ":password", std::string("file:password"), "dir:" + path + ":none",
        "dir:" + path + ":../x", std::string("vault:a:b")}) {
    Resolved("${" + reference + "}");
  }
  EXPECT_THAT(
      mistakes_.Lines(),
      ElementsAre(
          "p: ${env:SHARDTAIL_TEST_NONE}: there is no environment variable 'SHARDTAIL_TEST_NONE'",
          "p: ${env:/path:SHARDTAIL_TEST_NAME}: an environment variable has no path; write "
          "${env:NAME}",
          "p: ${file:" + file + ":user}: the file '" + file + "' has no property 'user'",
          "p: ${file:" + path + "/none:user}: the file '" + path +
              "/none' cannot be read: No such file or directory",
          "p: ${file:" + path + ":user}: the file '" + path + "' cannot be read: Is a directory",
          "p: ${file:" + broken + ":password}: the file '" + broken +
              "' is not a .properties file in UTF-8",
          "p: ${file:password}: the path is missing; write ${file:/path:key} or ${dir:/path:file}",
          "p: ${dir:" + path + ":none}: the file '" + path +
              "/none' cannot be read: No such file or directory",
          "p: ${dir:" + path + ":../x}: after the directory stands the name of a file in it",
          "p: ${vault:a:b}: 'vault' is not a provider of values that is there; there are env, file "
          "and dir"));
}

TEST_F(ReferencesTest, WhatAFileHoldsNeverAppearsInAMistake) {
  const std::string file = directory_.Write("s.properties", "number=hush\n");
  const std::string reference = "${file:" + file + ":number}";
  for (const char* name :
       {"connect.max.attempts", "mongodb.ssl.enabled", "snapshot.mode", "field.exclude.list",
        "skipped.operations", "connector.class", "key.converter", "offset.storage",
        "mongodb.ssl.ca.file", "heartbeat.interval.ms", "max.queue.size"}) {
    const std::string mistakes = MistakesWith({{name, reference}});
    EXPECT_THAT(mistakes, Not(HasSubstr("hush"))) << name;
    EXPECT_THAT(mistakes, HasSubstr(name));
  }
  EXPECT_EQ(MistakesWith({{"connect.max.attempts", reference}}),
            "connect.max.attempts: what " + reference +
                " stands for is not valid; the type is: integer, 1 or more");
}

TEST_F(ReferencesTest, NorInAMistakeOfKafkasOwnProperties) {
  const std::string file = directory_.Write("s.properties", "number=hush\n");
  const std::string reference = "${file:" + file + ":number}";
  const auto loaded =
      Load(std::nullopt, WithRequired({{"bootstrap.servers", "a:1"}, {"producer.acks", reference}}),
           [](const kafka::Options& kafka) {
             const std::string acks = kafka.producer.at("acks");
             return absl::InvalidArgumentError("acks: '" + acks + "' is wrong, " + acks);
           });
  EXPECT_EQ(loaded.status(),
            absl::InvalidArgumentError("acks: '" + reference + "' is wrong, " + reference));
}

TEST_F(ReferencesTest, AreResolvedBeforeTheConfigurationIsRead) {
  const std::string file = directory_.Write("s.properties", "password=hush \nattempts=3\n");
  const Configuration configuration =
      LoadWith({{"mongodb.user", "${env:SHARDTAIL_TEST_NAME}"},
                {"mongodb.password", "${file:" + file + ":password}"},
                {"connect.max.attempts", "${file:" + file + ":attempts}"}});
  EXPECT_EQ(configuration.mongo.user, "joe");
  EXPECT_EQ(configuration.mongo.password, "hush ");
  EXPECT_EQ(configuration.topology.max_attempts, 3);
  EXPECT_THAT(configuration.notes, IsEmpty());
}

}  // namespace
}  // namespace shardtail::config
