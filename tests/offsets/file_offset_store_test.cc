#include "offsets/file_offset_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "offsets/connect_format.h"

namespace shardtail::offsets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

StoredOffset At(uint32_t seconds) { return {.position = {{seconds, 1}, 0}}; }

class FileOffsetStoreTest : public testing::Test {
 protected:
  FileOffsetStoreTest() {
    std::string name = testing::TempDir() + "shardtail-offsets-XXXXXX";
    directory_ = mkdtemp(name.data());
    path_ = directory_ + "/offsets.dat";
  }
  ~FileOffsetStoreTest() override { std::filesystem::remove_all(directory_); }

  Options options() const {
    return {.connector_name = "mongo-src", .logical_name = "dbserver1", .file_name = path_};
  }

  std::unique_ptr<FileOffsetStore> Open(Access access = Access::kReadWrite) const {
    auto store = FileOffsetStore::Create(options(), access);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  std::string Content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& content) const {
    std::ofstream(path_, std::ios::binary) << content;
  }
  void CopyFixture() const {
    std::filesystem::copy_file(SHARDTAIL_FIXTURES "/connect-offsets.dat", path_);
  }

  std::string directory_;
  std::string path_;
};

TEST_F(FileOffsetStoreTest, KeepsTheProgressOfASnapshotBesideTheOffsets) {
  const auto store = Open();
  ASSERT_TRUE(store->Save("copied", At(1)).ok());
  ASSERT_TRUE(store->SaveProgress("copied", {{"uuid-1", "{}"}}).ok());
  ASSERT_TRUE(store->SaveProgress("copied", {{"uuid-2", "{}"}, {"uuid-3", "{}"}}).ok());
  ASSERT_TRUE(store->SaveProgress("copied", {{"uuid-1", "{\"a\":1}"}, {"uuid-3", {}}}).ok());
  ASSERT_TRUE(store->SaveProgress("other", {{"uuid-1", "{}"}}).ok());
  EXPECT_THAT(*store->LoadProgress("copied", {}),
              ElementsAre(Pair("uuid-1", "{\"a\":1}"), Pair("uuid-2", "{}")));
  EXPECT_EQ(store->LoadAll({})->at("copied"), At(1));

  ASSERT_TRUE(store->Delete("copied").ok());
  EXPECT_THAT(*store->LoadProgress("copied", {}), IsEmpty());
  EXPECT_FALSE(store->LoadAll({})->contains("copied"));
  EXPECT_THAT(*store->LoadProgress("other", {}), ElementsAre(Pair("uuid-1", "{}")));
  ASSERT_TRUE(store->Delete("other").ok());
}

TEST_F(FileOffsetStoreTest, FindsNothingWhereThereIsNoFile) {
  EXPECT_THAT(*Open()->LoadAll(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(FileOffsetStoreTest, AnEmptyFileWasCutOffAndIsNoneWithoutOffsets) {
  Write("");
  const absl::Status status = Open()->LoadAll().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("is empty"));
}

TEST_F(FileOffsetStoreTest, FindsAgainWhatWasSaved) {
  {
    const auto store = Open();
    ASSERT_TRUE(store->Save("rs0", At(1)).ok());
    ASSERT_TRUE(store->Save("rs1", At(2)).ok());
    ASSERT_TRUE(store->Save("rs0", At(3)).ok());
    EXPECT_THAT(*store->LoadAll(), ElementsAre(Pair("rs0", At(3)), Pair("rs1", At(2))));
    ASSERT_TRUE(store->Delete("rs1").ok());
    ASSERT_TRUE(store->Delete("rs2").ok());
  }
  EXPECT_THAT(*Open()->LoadAll(), ElementsAre(Pair("rs0", At(3))));
}

TEST_F(FileOffsetStoreTest, GoesOnFromWhatKafkaConnectStored) {
  CopyFixture();
  const auto offsets = Open()->LoadAll();
  ASSERT_TRUE(offsets.ok()) << offsets.status();
  ASSERT_THAT(*offsets, testing::SizeIs(2));
  EXPECT_EQ(offsets->at("rs0").position, (event::Position{{1795245816, 392}, 0}));
  EXPECT_EQ(offsets->at("rs1").position, (event::Position{{1795247856, 100}, 3}));
}

TEST_F(FileOffsetStoreTest, KeepsTheEntriesOfOtherConnectors) {
  CopyFixture();
  const auto store = Open();
  ASSERT_TRUE(store->Save("rs0", At(7)).ok());
  ASSERT_TRUE(store->Delete("rs1").ok());
  const auto entries = ParseJavaMap(Content());
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_THAT(*entries,
              testing::UnorderedElementsAre(
                  JavaMapEntry{EncodeKey("mongo-src", "dbserver1", "rs0"), EncodeValue(At(7))},
                  JavaMapEntry{EncodeKey("mongo-src", "dbserver1", "gone"), std::nullopt},
                  JavaMapEntry{R"(["orders",{"server":"mysql1"}])",
                               R"({"file":"binlog.000003","pos":154})"}));
}

TEST_F(FileOffsetStoreTest, RefusesABrokenFileAndNeverWritesOverIt) {
  CopyFixture();
  std::filesystem::resize_file(path_, 100);
  const std::string before = Content();
  const auto store = Open();
  const absl::Status loaded = store->LoadAll().status();
  EXPECT_EQ(loaded.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(loaded.message(), "the offset file " + path_ +
                                  " is broken, or none of Kafka Connect's: at byte 100, it ends "
                                  "within an array of bytes. Restore it from a copy, "
                                  "or remove it to begin with a snapshot");
  EXPECT_EQ(store->Save("rs0", At(1)).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Content(), before);
}

TEST_F(FileOffsetStoreTest, NamesFileTextAndRemedyOfAnOffsetThatItCannotUnderstand) {
  Write(SerializeJavaMap({{EncodeKey("mongo-src", "dbserver1", "rs0"), R"({"sec":"soon"})"}}));
  EXPECT_THAT(std::string(Open()->LoadAll().status().message()),
              testing::AllOf(HasSubstr(path_), HasSubstr(R"({"sec":"soon"})"),
                             HasSubstr("shardtail offsets set")));
}

TEST_F(FileOffsetStoreTest, LeavesTheOldFileWhenTheDiskIsFull) {
  const auto store = Open();
  ASSERT_TRUE(store->Save("rs0", At(1)).ok());
  const std::string before = Content();
  // Writing more than the limit fails, as on a full disk.
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit full{.rlim_cur = 10, .rlim_max = old_limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  const absl::Status saved = store->Save("rs0", At(2));
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(saved.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(saved.message()),
              HasSubstr("cannot write " + path_ + ".tmp; the offset file " + path_ +
                        " is as it was: File too large"));
  EXPECT_EQ(Content(), before);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".tmp"));
  EXPECT_TRUE(store->Save("rs0", At(2)).ok());
}

TEST_F(FileOffsetStoreTest, RefusesASecondWriterAndLetsReadersBeside) {
  const auto first = Open();
  ASSERT_TRUE(first->Save("rs0", At(1)).ok());
  const auto second = FileOffsetStore::Create(options(), Access::kReadWrite);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(second.status().message(),
            "the offset file " + path_ + " is in use by another process (which holds " + path_ +
                ".lock): stop that one, or give this one another offset.storage.file.filename");
  const auto reader = Open(Access::kRead);
  EXPECT_THAT(*reader->LoadAll(), ElementsAre(Pair("rs0", At(1))));
  EXPECT_EQ(reader->Save("rs0", At(2)).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(FileOffsetStoreTest, CanBeOpenedAgainWhenTheFirstIsGone) {
  Open();
  EXPECT_TRUE(Open()->Save("rs0", At(1)).ok());
}

TEST_F(FileOffsetStoreTest, KeepsALinkAndTheModeOfTheFile) {
  const std::string target = directory_ + "/elsewhere.dat";
  std::ofstream(target, std::ios::binary) << SerializeJavaMap({});
  chmod(target.c_str(), 0600);
  std::filesystem::create_symlink(target, path_);
  ASSERT_TRUE(Open()->Save("rs0", At(1)).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  struct stat status {};
  ASSERT_EQ(stat(target.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_THAT(*Open()->LoadAll(), ElementsAre(Pair("rs0", At(1))));
}

TEST_F(FileOffsetStoreTest, SaysThatTheDirectoryIsMissing) {
  path_ = directory_ + "/missing/offsets.dat";
  const auto store = FileOffsetStore::Create(options(), Access::kReadWrite);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store.status().message(), "cannot open " + path_ +
                                          ".lock beside the offset file: No such file or "
                                          "directory");
}

}  // namespace
}  // namespace shardtail::offsets
