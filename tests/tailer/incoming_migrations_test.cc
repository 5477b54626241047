#include "tailer/incoming_migrations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace shardtail::tailer {
namespace {

constexpr bson::Timestamp At(uint32_t seconds) { return {seconds, 1}; }

// What the server writes into a shard's oplog, as entries.
class IncomingMigrationsTest : public ::testing::Test {
 protected:
  static OplogEntry Parse(const bson::Document& entry) {
    OplogEntry parsed;
    EXPECT_TRUE(ParseOplogEntry(entry, &parsed).ok());
    return parsed;
  }
  static bson::Document Entry(std::string_view op, std::string_view ns, const bson::Document& o,
                              const bson::Document& o2 = bson::Document(), bool migrated = false,
                              uint8_t uuid = 0) {
    bson::Builder builder;
    builder.Time("ts", At(1)).String("op", op).String("ns", ns).SubDocument("o", o);
    if (uuid != 0) builder.Uuid("ui", {uuid});
    builder.SubDocument("o2", o2);
    if (migrated) builder.Bool("fromMigrate", true);
    return builder.Build();
  }
  void Observe(const bson::Document& entry) { migrations_.Observe(Parse(entry)); }

  void Arrives(int id, std::string_view donor = "shA") {
    Observe(Entry("i", "config.rangeDeletions",
                  bson::Builder()
                      .Int32("_id", id)
                      .String("nss", "db.c")
                      .String("donorShardId", donor)
                      .Bool("pending", true)
                      .Build()));
  }
  void Committed(int id) {
    Observe(Entry("d", "config.rangeDeletions", bson::Builder().Int32("_id", id).Build()));
  }

  IncomingMigrations migrations_{"shB", true};
};

TEST_F(IncomingMigrationsTest, EverythingIsSuspectUntilTheFirstWait) {
  EXPECT_TRUE(migrations_.IsSuspect("db.c"));
  migrations_.Waited(At(1));
  EXPECT_FALSE(migrations_.IsSuspect("db.c"));
  EXPECT_TRUE(migrations_.settled());
}

TEST_F(IncomingMigrationsTest, ACollectionStaysSuspectWhileARangeArrives) {
  migrations_.BeginSettled();
  Arrives(7);
  EXPECT_TRUE(migrations_.IsSuspect("db.c"));
  EXPECT_FALSE(migrations_.IsSuspect("db.other"));
  migrations_.Waited(At(2));
  EXPECT_TRUE(migrations_.IsSuspect("db.c"));
  EXPECT_FALSE(migrations_.settled());
  Committed(7);
  EXPECT_TRUE(migrations_.IsSuspect("db.c"));
  migrations_.Waited(At(3));
  EXPECT_FALSE(migrations_.IsSuspect("db.c"));
}

TEST_F(IncomingMigrationsTest, AnAbortedMigrationEndsToo) {
  for (const bson::Document& update :
       {bson::Builder().Int32("$v", 1).OpenDocument("$unset").Bool("pending", true).Close().Build(),
        bson::Builder()
            .Int32("$v", 2)
            .OpenDocument("diff")
            .OpenDocument("d")
            .Bool("pending", false)
            .Close()
            .Close()
            .Build(),
        bson::Builder().Int32("_id", 7).String("nss", "db.c").Build()}) {
    migrations_.BeginSettled();
    Arrives(7);
    Observe(Entry("u", "config.rangeDeletions", update, bson::Builder().Int32("_id", 7).Build()));
    migrations_.Waited(At(2));
    EXPECT_TRUE(migrations_.settled()) << bson::ToDebugString(update);
  }
}

TEST_F(IncomingMigrationsTest, AnotherChangeOfThePendingRangeEndsNothing) {
  migrations_.BeginSettled();
  Arrives(7);
  Observe(Entry("u", "config.rangeDeletions",
                bson::Builder().OpenDocument("$set").Int32("numOrphanDocs", 3).Close().Build(),
                bson::Builder().Int32("_id", 7).Build()));
  migrations_.Waited(At(2));
  EXPECT_FALSE(migrations_.settled());
}

TEST_F(IncomingMigrationsTest, TellsOnceOfWhatHasArrived) {
  migrations_.BeginSettled();
  Arrives(7);
  EXPECT_THAT(migrations_.TakeArrived(), ::testing::IsEmpty());
  Committed(8);  // of another one, or the shard's own
  EXPECT_THAT(migrations_.TakeArrived(), ::testing::IsEmpty());
  Committed(7);
  EXPECT_THAT(migrations_.TakeArrived(), ::testing::ElementsAre("db.c"));
  EXPECT_THAT(migrations_.TakeArrived(), ::testing::IsEmpty());
}

TEST_F(IncomingMigrationsTest, TellsOnceOfACollectionThatMovesWithItsDatabase) {
  migrations_.BeginSettled();
  const bson::Document one = bson::Builder().Int32("_id", 1).Build();
  Observe(Entry("c", "db.$cmd", bson::Builder().String("create", "c").Build(), {}, false, 1));
  Observe(Entry("i", "db.c", one, {}, false, 1));
  Observe(Entry("d", "db.c", one, {}, true, 1));  // of a range that moved away before
  EXPECT_THAT(migrations_.TakeMoving(), ::testing::IsEmpty());
  Observe(Entry("i", "db.c", one, {}, true, 1));
  Observe(Entry("i", "db.c", one, {}, true, 1));
  EXPECT_THAT(migrations_.TakeMoving(), ::testing::ElementsAre("db.c"));
  Observe(Entry("i", "db.c", one, {}, true, 1));
  EXPECT_THAT(migrations_.TakeMoving(), ::testing::IsEmpty());
  Observe(Entry("i", "db.c", one, {}, true, 2));  // it went, and comes again
  EXPECT_THAT(migrations_.TakeMoving(), ::testing::ElementsAre("db.c"));
  EXPECT_THAT(migrations_.TakeArrived(), ::testing::IsEmpty());
}

TEST_F(IncomingMigrationsTest, TheDocumentsOfAPendingRangeAreNotTakenForACollection) {
  migrations_.BeginSettled();
  Arrives(7);
  Observe(Entry("i", "db.c", bson::Builder().Int32("_id", 1).Build(), {}, true, 1));
  EXPECT_THAT(migrations_.TakeMoving(), ::testing::IsEmpty());
  Committed(7);
  EXPECT_THAT(migrations_.TakeMoving(), ::testing::IsEmpty());
}

TEST_F(IncomingMigrationsTest, TellsOfWhatReshardingRenames) {
  migrations_.BeginSettled();
  const auto rename = [&](std::string_view from) {
    Observe(Entry("c", "db.$cmd",
                  bson::Builder().String("renameCollection", from).String("to", "db.c").Build()));
  };
  rename("db.other");
  EXPECT_THAT(migrations_.TakeMoving(), ::testing::IsEmpty());
  rename("db.system.resharding.1");
  EXPECT_THAT(migrations_.TakeMoving(), ::testing::ElementsAre("db.c"));
}

TEST_F(IncomingMigrationsTest, WhatTheShardItselfGivesAwayBringsNothing) {
  migrations_.BeginSettled();
  Arrives(7, "shB");
  EXPECT_TRUE(migrations_.settled());
}

TEST_F(IncomingMigrationsTest, OtherSignsAreACreationARenameAndDocumentsThatAreMoved) {
  const bson::Document one = bson::Builder().Int32("_id", 1).Build();
  const auto suspect_after = [&](const bson::Document& entry) {
    migrations_.BeginSettled();
    Observe(entry);
    return migrations_.IsSuspect("db.c");
  };
  EXPECT_TRUE(suspect_after(Entry("i", "db.c", one, {}, true)));
  EXPECT_TRUE(suspect_after(Entry("c", "db.$cmd", bson::Builder().String("create", "c").Build())));
  EXPECT_TRUE(suspect_after(Entry("c", "db.$cmd",
                                  bson::Builder()
                                      .String("renameCollection", "db.system.resharding.1")
                                      .String("to", "db.c")
                                      .Build())));
  EXPECT_TRUE(suspect_after(Entry("c", "admin.$cmd",
                                  bson::Builder()
                                      .OpenArray("applyOps")
                                      .SubDocument("0", Entry("i", "db.c", one, {}, true))
                                      .Close()
                                      .Build())));
  EXPECT_FALSE(suspect_after(Entry("i", "db.c", one)));
  EXPECT_FALSE(suspect_after(Entry("c", "db.$cmd", bson::Builder().String("drop", "c").Build())));
}

TEST_F(IncomingMigrationsTest, WhatWasPendingAtTheStartCountsFromWhereItWasRead) {
  bson::Builder document;
  document.Int32("_id", 7).String("nss", "db.c");
  migrations_.BeginUnknown({.ranges = {*ParseIncomingRange(document.view())}, .read_at = At(10)});
  // Before that moment other migrations may have come and gone.
  migrations_.Waited(At(9));
  EXPECT_TRUE(migrations_.IsSuspect("db.other"));
  migrations_.Waited(At(10));
  EXPECT_FALSE(migrations_.IsSuspect("db.other"));
  EXPECT_TRUE(migrations_.IsSuspect("db.c"));
  Committed(7);
  migrations_.Waited(At(11));
  EXPECT_TRUE(migrations_.settled());
}

TEST_F(IncomingMigrationsTest, BeforeMongoDB44NothingIsEverSettled) {
  IncomingMigrations old("shB", false);
  old.BeginSettled();
  EXPECT_TRUE(old.IsSuspect("db.c"));
  old.Waited(At(100));
  EXPECT_TRUE(old.IsSuspect("db.c"));
  EXPECT_FALSE(old.settled());
}

// Entries of a real cluster (testdata/oplog): on the recipient of a chunk the collection is suspect
// before the shard's own first write into it, and settled again at the end of the log; and what
// comes with its database is told apart.
TEST(IncomingMigrationsCorpusTest, RealRecipientsGiveTheSigns) {
  for (const char* version : {"4.4", "5.0", "6.0"}) {
    SCOPED_TRACE(version);
    std::ifstream file(std::string(TESTDATA_DIR) + "/oplog/" + version + "-sharded-shB.jsonl");
    ASSERT_TRUE(file.is_open());
    IncomingMigrations migrations("shB", true);
    migrations.BeginSettled();
    int pending = 0;
    int own_writes = 0;
    int moved = 0;
    for (std::string line; std::getline(file, line);) {
      const auto document = bson::FromJson(line);
      ASSERT_TRUE(document.ok());
      OplogEntry entry;
      ASSERT_TRUE(ParseOplogEntry(document->view().Find("entry")->AsDocument(), &entry).ok());
      migrations.Observe(entry);
      if (entry.ns == "config.rangeDeletions" && entry.op == "i") ++pending;
      if (entry.ns != "sdb.c" || (entry.op != "i" && entry.op != "u" && entry.op != "d")) continue;
      if (entry.from_migrate) {
        ++moved;
        EXPECT_TRUE(migrations.IsSuspect("sdb.c"));
      } else if (own_writes++ == 0) {
        EXPECT_TRUE(migrations.IsSuspect("sdb.c"));
      }
    }
    EXPECT_GT(pending, 0);
    EXPECT_GT(own_writes, 0);
    EXPECT_GT(moved, 0);
    migrations.Waited({4'000'000'000, 0});
    EXPECT_TRUE(migrations.settled());
    // By movePrimary; the other one's documents came as ranges.
    EXPECT_THAT(migrations.TakeMoving(), ::testing::ElementsAre("udb.u"));
  }
}

}  // namespace
}  // namespace shardtail::tailer
