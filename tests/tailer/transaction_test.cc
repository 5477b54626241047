#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tailer/entry_decoder.h"
#include "tests/fakes/fake_oplog.h"

namespace shardtail::tailer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// One operation for `applyOps`.
std::string Insert(int id) {
  return fmt::format(R"({{"op": "i", "ns": "db.c", "o": {{"_id": {}}}}})", id);
}

// Entries of one session's transaction, at (seconds, 1).
class TransactionTest : public ::testing::Test {
 protected:
  // A command of the transaction, after the entry at `previous` (0: none).
  static bson::Document Command(uint32_t seconds, std::string_view command, uint32_t previous,
                                int number = 3) {
    auto entry = bson::FromJson(fmt::format(
        R"({{"op": "c", "ns": "admin.$cmd", "o": {{{}}}, "ts": {{"$timestamp": {{"t": {}, "i": 1}}}},
             "lsid": {{"id": {{"$binary": {{"base64": "g1GVC05HQVafWt2XVd0y5w==", "subType": "04"}}}}}},
             "txnNumber": {{"$numberLong": "{}"}},
             "prevOpTime": {{"ts": {{"$timestamp": {{"t": {}, "i": {}}}}}, "t": {{"$numberLong": "1"}}}}}})",
        command, seconds, number, previous, previous == 0 ? 0 : 1));
    EXPECT_TRUE(entry.ok()) << entry.status();
    return entry.ok() ? *entry : bson::Document();
  }

  absl::Status Decode(const bson::Document& entry) {
    return decoder_.Decode(entry, [this](const event::ChangeEvent& event) {
      events_.push_back(
          fmt::format("{} at {}", *event.id.GetInteger(), event::ToString(event.position)));
      EXPECT_EQ(event.session.present, expect_session_);
      return absl::OkStatus();
    });
  }

  // Three entries, five operations; the commit is returned and not in the oplog.
  bson::Document AddThreeEntries(std::string_view last_flags) {
    oplog_.Add(Command(
        10, fmt::format(R"("applyOps": [{}, {}], "partialTxn": true)", Insert(1), Insert(2)), 0));
    oplog_.Add(Command(
        12, fmt::format(R"("applyOps": [{}, {}], "partialTxn": true)", Insert(3), Insert(4)), 10));
    return Command(14, fmt::format(R"("applyOps": [{}]{})", Insert(5), last_flags), 12);
  }

  fakes::FakeOplog oplog_;
  metrics::TailerMetrics metrics_;
  EntryDecoder decoder_{oplog_, metrics_};
  bool expect_session_ = true;
  std::vector<std::string> events_;
};

TEST_F(TransactionTest, OneEntryIsNumberedFromOne) {
  ASSERT_TRUE(
      Decode(Command(10, fmt::format(R"("applyOps": [{}, {}])", Insert(1), Insert(2)), 0)).ok());
  EXPECT_THAT(events_, ElementsAre("1 at (10, 1, 1)", "2 at (10, 1, 2)"));
  EXPECT_EQ(metrics_.transactions.value(), 1);
}

TEST_F(TransactionTest, SeveralEntriesAppearAtTheLastOnesPosition) {
  const bson::Document commit = AddThreeEntries(R"(, "count": {"$numberLong": "5"})");
  ASSERT_TRUE(Decode(commit).ok());
  EXPECT_THAT(events_, ElementsAre("1 at (14, 1, 1)", "2 at (14, 1, 2)", "3 at (14, 1, 3)",
                                   "4 at (14, 1, 4)", "5 at (14, 1, 5)"));
  EXPECT_EQ(metrics_.transactions.value(), 1);
  EXPECT_EQ(metrics_.transaction_operations.sum(), 5);
}

TEST_F(TransactionTest, TheOldestEntryIsFetchedOnce) {
  ASSERT_TRUE(Decode(AddThreeEntries(R"(, "count": {"$numberLong": "5"})")).ok());
  EXPECT_THAT(oplog_.found(),
              ElementsAre(bson::Timestamp{12, 1}, bson::Timestamp{10, 1}, bson::Timestamp{12, 1}));
}

TEST_F(TransactionTest, PartsAndPreparesAloneMakeNothing) {
  ASSERT_TRUE(
      Decode(Command(10, fmt::format(R"("applyOps": [{}], "partialTxn": true)", Insert(1)), 0))
          .ok());
  ASSERT_TRUE(
      Decode(Command(11, fmt::format(R"("applyOps": [{}], "prepare": true)", Insert(1)), 0)).ok());
  EXPECT_THAT(events_, IsEmpty());
  EXPECT_THAT(oplog_.found(), IsEmpty());
  EXPECT_EQ(metrics_.transactions.value(), 0);
}

TEST_F(TransactionTest, APreparedOneAppearsAtItsCommit) {
  oplog_.Add(AddThreeEntries(R"(, "prepare": true, "count": {"$numberLong": "5"})"));
  ASSERT_TRUE(Decode(Command(20, R"("commitTransaction": 1)", 14)).ok());
  EXPECT_THAT(events_, ElementsAre("1 at (20, 1, 1)", "2 at (20, 1, 2)", "3 at (20, 1, 3)",
                                   "4 at (20, 1, 4)", "5 at (20, 1, 5)"));
  EXPECT_EQ(metrics_.transactions.value(), 1);
}

TEST_F(TransactionTest, APreparedOneOfOneEntryOrOfNothingAppearsToo) {
  oplog_.Add(Command(10, fmt::format(R"("applyOps": [{}], "prepare": true)", Insert(1)), 0));
  ASSERT_TRUE(Decode(Command(20, R"("commitTransaction": 1)", 10)).ok());
  EXPECT_THAT(events_, ElementsAre("1 at (20, 1, 1)"));
  oplog_.Add(Command(30, R"("applyOps": [], "prepare": true)", 0));
  ASSERT_TRUE(Decode(Command(31, R"("commitTransaction": 1)", 30)).ok());
  EXPECT_THAT(events_, SizeIs(1));
  EXPECT_EQ(metrics_.transactions.value(), 2);
}

TEST_F(TransactionTest, AnAbortedOneIsCountedAndNothingElse) {
  ASSERT_TRUE(Decode(Command(20, R"("abortTransaction": 1)", 10)).ok());
  EXPECT_THAT(events_, IsEmpty());
  EXPECT_THAT(oplog_.found(), IsEmpty());
  EXPECT_EQ(metrics_.aborted_transactions.value(), 1);
}

TEST_F(TransactionTest, OperationsWithoutAnEventTakeANumber) {
  ASSERT_TRUE(Decode(Command(10,
                             fmt::format(R"("applyOps": [
                 {{"op": "c", "ns": "db.$cmd", "o": {{"create": "c"}}}}, {},
                 {{"op": "i", "ns": "db.c", "o": {{"_id": 2}}, "fromMigrate": true}},
                 {{"op": "n", "ns": "db.c", "o": {{}}}}, {}])",
                                         Insert(1), Insert(3)),
                             0))
                  .ok());
  EXPECT_THAT(events_, ElementsAre("1 at (10, 1, 2)", "3 at (10, 1, 5)"));
  EXPECT_EQ(metrics_.commands.value(), 1);
  EXPECT_EQ(metrics_.migrations.value(), 1);
  EXPECT_EQ(metrics_.noops.value(), 1);
}

TEST_F(TransactionTest, NestedApplyOpsAreUnpacked) {
  ASSERT_TRUE(Decode(Command(10,
                             fmt::format(R"("applyOps": [{}, {{"op": "c", "ns": "admin.$cmd",
                                                  "o": {{"applyOps": [{}, {}]}}}}, {}])",
                                         Insert(1), Insert(2), Insert(3), Insert(4)),
                             0))
                  .ok());
  EXPECT_THAT(events_, ElementsAre("1 at (10, 1, 1)", "2 at (10, 1, 2)", "3 at (10, 1, 3)",
                                   "4 at (10, 1, 4)"));
}

TEST_F(TransactionTest, NestingHasAnEnd) {
  std::string operations = Insert(1);
  for (int i = 0; i < 30; ++i) {
    operations =
        fmt::format(R"({{"op": "c", "ns": "a.$cmd", "o": {{"applyOps": [{}]}}}})", operations);
  }
  const absl::Status status =
      Decode(Command(10, fmt::format(R"("applyOps": [{}])", operations), 0));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("nested too deeply"));
}

TEST_F(TransactionTest, AnOperatorsApplyOpsHasNumbersAndNoSession) {
  expect_session_ = false;
  const auto entry = bson::FromJson(fmt::format(
      R"({{"op": "c", "ns": "admin.$cmd", "o": {{"applyOps": [{}, {}], "$db": "admin"}},
           "ts": {{"$timestamp": {{"t": 10, "i": 1}}}}}})",
      Insert(1), Insert(2)));
  ASSERT_TRUE(Decode(*entry).ok());
  EXPECT_THAT(events_, ElementsAre("1 at (10, 1, 1)", "2 at (10, 1, 2)"));
  EXPECT_EQ(metrics_.transactions.value(), 0);
}

TEST_F(TransactionTest, BatchedRetryableInsertsAreNoTransactionAndHaveNoChain) {
  bson::Builder entry;
  const bson::Document command =
      Command(10, fmt::format(R"("applyOps": [{}, {}])", Insert(1), Insert(2)), 9);
  bson::Reader reader(command);
  for (bson::Element element; reader.Next(&element);) entry.Copy(element);
  entry.Int32("multiOpType", 1);
  ASSERT_TRUE(Decode(entry.Build()).ok());
  EXPECT_THAT(events_, ElementsAre("1 at (10, 1, 1)", "2 at (10, 1, 2)"));
  EXPECT_THAT(oplog_.found(), IsEmpty());
  EXPECT_EQ(metrics_.transactions.value(), 0);
}

TEST_F(TransactionTest, ABeginningThatRolledOffIsAnOutOfRangePosition) {
  const bson::Document commit = AddThreeEntries(R"(, "count": {"$numberLong": "5"})");
  oplog_.Remove({10, 1});
  const absl::Status status = Decode(commit);
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(status.message()), HasSubstr("(10, 1)"));
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(TransactionTest, ATornTransactionIsNeverEmitted) {
  EXPECT_THAT(std::string(Decode(AddThreeEntries(R"(, "count": {"$numberLong": "6"})")).message()),
              HasSubstr("entries hold 5 operations, and the last says 6"));
  oplog_.Add(
      Command(30, fmt::format(R"("applyOps": [{}], "prepare": true, "count": 2)", Insert(1)), 0));
  EXPECT_THAT(std::string(Decode(Command(31, R"("commitTransaction": 1)", 30)).message()),
              HasSubstr("entries hold 1 operations, and the last says 2"));
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(TransactionTest, AChainThatIsNoneIsRefused) {
  const auto refusal = [this](const bson::Document& earlier, uint32_t previous) {
    oplog_.Add(earlier);
    const absl::Status status =
        Decode(Command(50, fmt::format(R"("applyOps": [{}])", Insert(9)), previous));
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    return std::string(status.message());
  };
  const std::string part = fmt::format(R"("applyOps": [{}], "partialTxn": true)", Insert(1));
  EXPECT_EQ(refusal(Command(20, part, 0, 4), 20),
            "the oplog entry (50, 1) of admin.$cmd cannot be decoded: the transaction's earlier "
            "entry (20, 1) belongs to another transaction");
  EXPECT_THAT(refusal(Command(21, fmt::format(R"("applyOps": [{}])", Insert(1)), 0), 21),
              HasSubstr("(21, 1) is no part of a transaction"));
  EXPECT_THAT(refusal(Command(22, part, 22), 22), HasSubstr("names a later one"));
  EXPECT_THAT(refusal(Command(23, R"("partialTxn": true)", 0), 23), HasSubstr("has no applyOps"));
  EXPECT_THAT(refusal(*bson::FromJson(R"({"ts": {"$timestamp": {"t": 24, "i": 1}}})"), 24),
              HasSubstr("(24, 1) it has no field 'op'"));
  oplog_.Add(Command(25, part, 0));
  EXPECT_THAT(std::string(Decode(Command(51, R"("commitTransaction": 1)", 25)).message()),
              HasSubstr("(25, 1) is no prepare entry"));
  EXPECT_THAT(std::string(Decode(Command(52, R"("commitTransaction": 1)", 0)).message()),
              HasSubstr("a commitTransaction without its transaction"));
  EXPECT_THAT(events_, IsEmpty());
}

}  // namespace
}  // namespace shardtail::tailer
