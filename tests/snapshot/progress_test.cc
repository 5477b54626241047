#include "snapshot/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shardtail::snapshot {
namespace {

using testing::HasSubstr;

IdBound Bound(std::string_view json) { return *bson::FromJson(json); }

std::string ErrorOf(std::string_view text) {
  const auto progress = DecodeProgress(text);
  EXPECT_TRUE(absl::IsFailedPrecondition(progress.status())) << progress.status();
  return std::string(progress.status().message());
}

TEST(ProgressTest, ComesBackAsItWasWritten) {
  const CollectionProgress progress = {
      .ns = "shop.\"orders\".x",
      .copied = {{{{}, Bound(R"({"_id": {"$numberDecimal": "NaN"}})")}, {7, 1}},
                 {{Bound(R"({"_id": "a\u0000"})"),
                   Bound(R"({"_id": {"x": {"$oid": "5f0000000000000000000001"}}})")},
                  {4294967295, 2}},
                 {{Bound(R"({"_id": {"$maxKey": 1}})"), {}}, {8, 0}}}};
  const std::string text = EncodeProgress(progress);
  const auto again = DecodeProgress(text);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(EncodeProgress(*again), text);
  ASSERT_EQ(again->copied.size(), 3U);
  EXPECT_EQ(again->ns, progress.ns);
  EXPECT_TRUE(IsOpen(again->copied[0].range.min));
  EXPECT_EQ(again->copied[1].range.min.view().bytes(), progress.copied[1].range.min.view().bytes());
  EXPECT_EQ(again->copied[1].at, (bson::Timestamp{4294967295, 2}));
  EXPECT_FALSE(again->complete());
}

TEST(ProgressTest, IsCompleteWhenOneRangeHasNoBoundaries) {
  EXPECT_FALSE(CollectionProgress{}.complete());
  const auto progress = DecodeProgress(R"({"version":1,"ns":"a.b","copied":[{"at":[5,1]}]})");
  ASSERT_TRUE(progress.ok()) << progress.status();
  EXPECT_TRUE(progress->complete());
  EXPECT_EQ(EncodeProgress(*progress), R"({"version":1,"ns":"a.b","copied":[{"at":[5,1]}]})");
}

TEST(ProgressTest, SaysWhatItDoesNotUnderstand) {
  EXPECT_THAT(ErrorOf("{"), HasSubstr("is no JSON: at character 2"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("is no JSON object"));
  EXPECT_THAT(ErrorOf(R"({"version":2})"), HasSubstr("another release"));
  EXPECT_THAT(ErrorOf(R"({"version":1,"copied":[]})"), HasSubstr("\"ns\" is not a string"));
  EXPECT_THAT(ErrorOf(R"({"version":1,"ns":"\udc00","copied":[]})"), HasSubstr("surrogate"));
  EXPECT_THAT(ErrorOf(R"({"version":1,"ns":"a.b"})"), HasSubstr("\"copied\" is not an array"));
  EXPECT_THAT(ErrorOf(R"({"version":1,"ns":"a.b","copied":[{"at":[1,2],"min":"%"}]})"),
              HasSubstr("range 1: \"min\" is not base64"));
  EXPECT_THAT(ErrorOf(R"({"version":1,"ns":"a.b","copied":[{"at":[1,2],"min":"AAAA"}]})"),
              HasSubstr("range 1: \"min\" is no BSON document"));
  EXPECT_THAT(ErrorOf(R"({"version":1,"ns":"a.b","copied":[{"at":[1,2],"max":"BQAAAAA="}]})"),
              HasSubstr("\"max\" is not a document of an _id alone"));
  EXPECT_THAT(ErrorOf(R"({"version":1,"ns":"a.b","copied":[{"at":[1]}]})"),
              HasSubstr("\"at\" is not a pair"));
}

TEST(ProgressTest, RefusesRangesThatOverlapOrAreOutOfOrder) {
  const IdBound one = Bound(R"({"_id": 1})");
  const IdBound two = Bound(R"({"_id": {"$numberDouble": "2.0"}})");
  const auto encode = [](const std::vector<IdRange>& ranges) {
    CollectionProgress progress{.ns = "a.b", .copied = {}};
    for (const IdRange& range : ranges) progress.copied.push_back({range, {1, 1}});
    return EncodeProgress(progress);
  };
  EXPECT_TRUE(DecodeProgress(encode({{{}, one}, {one, two}, {two, {}}})).ok());
  EXPECT_THAT(ErrorOf(encode({{two, one}})), HasSubstr("range 1: ends before it begins"));
  EXPECT_THAT(ErrorOf(encode({{one, two}, {{}, one}})), HasSubstr("range 2 begins before"));
  EXPECT_THAT(ErrorOf(encode({{one, {}}, {two, {}}})), HasSubstr("range 2 begins before"));
  EXPECT_THAT(ErrorOf(encode({{{}, two}, {one, {}}})), HasSubstr("range 2 begins before"));
}

TEST(ProgressTest, ReadsAndWritesUuids) {
  const std::string text = "8f6b4e0e-0001-4abc-9def-00ff00ff00ff";
  const auto uuid = ParseUuid(text);
  ASSERT_TRUE(uuid.has_value());
  EXPECT_EQ((*uuid)[0], 0x8f);
  EXPECT_EQ((*uuid)[15], 0xff);
  EXPECT_EQ(ToString(*uuid), text);
  EXPECT_FALSE(ParseUuid("8f6b4e0e00014abc9def00ff00ff00ff").has_value());
  EXPECT_FALSE(ParseUuid("8f6b4e0e-0001-4abc-9def-00ff00ff00fg").has_value());
}

TEST(ProgressTest, EveryKindOfACopyComesBack) {
  for (const CopyKind kind :
       {CopyKind::kInitial, CopyKind::kLate, CopyKind::kAgain, CopyKind::kMoved}) {
    const auto again = DecodeProgress(EncodeProgress({.ns = "a.b", .copied = {}, .kind = kind}));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->kind, kind);
  }
}

TEST(ProgressTest, TheKindOfACopyItsQueryAndItsSignalComeBack) {
  const CollectionProgress progress = {.ns = "a.b",
                                       .copied = {},
                                       .kind = CopyKind::kAgain,
                                       .query = bson::Builder().Int32("x", 1).Build(),
                                       .signal = "ours \"1\""};
  const auto again = DecodeProgress(EncodeProgress(progress));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->kind, CopyKind::kAgain);
  EXPECT_EQ(again->query.view().bytes(), progress.query.view().bytes());
  EXPECT_EQ(again->signal, progress.signal);
  EXPECT_EQ(EncodeProgress(*again), EncodeProgress(progress));
  EXPECT_FALSE(DecodeProgress(R"({"version":1,"ns":"a.b","copied":[],"signal":1})").ok());
  EXPECT_FALSE(DecodeProgress(R"({"version":1,"ns":"a.b","copied":[],"kind":"x"})").ok());
  EXPECT_FALSE(DecodeProgress(R"({"version":1,"ns":"a.b","copied":[],"query":"x"})").ok());
}

}  // namespace
}  // namespace shardtail::snapshot
