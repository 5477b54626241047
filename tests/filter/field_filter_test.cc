#include "filter/field_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace shardtail::filter {
namespace {

using ::testing::HasSubstr;

// What `rules` make of `json`, a document of `ns`, as JSON; or the error's message.
std::string Apply(const Options& rules, std::string_view json, std::string_view ns = "db.c") {
  const absl::StatusOr<FieldFilter> filter = FieldFilter::Create(rules);
  if (!filter.ok()) return std::string(filter.status().message());
  const bson::Document document = *bson::FromJson(json);
  bson::Builder out;
  const absl::StatusOr<bson::View> result =
      filter->ForCollection(*event::Namespace::Parse(ns)).Apply(document, out);
  if (!result.ok()) return std::string(result.status().message());
  return bson::ToDebugString(*result);
}

std::string Exclude(std::vector<std::string> paths, std::string_view json) {
  return Apply({.field_exclude = std::move(paths)}, json);
}

std::string Rename(std::vector<std::string> renames, std::string_view json) {
  return Apply({.field_renames = std::move(renames)}, json);
}

// The same spelling as the results.
std::string Json(std::string_view json) { return bson::ToDebugString(*bson::FromJson(json)); }

// ---- which collections

TEST(FieldFilterTest, WithoutRulesIsInactive) {
  const FieldFilter filter = *FieldFilter::Create({});
  EXPECT_FALSE(filter.active());
  EXPECT_FALSE(filter.ForCollection(*event::Namespace::Parse("db.c")).active());
  EXPECT_FALSE(FieldFilter::Rules().active());
}

TEST(FieldFilterTest, GivesACollectionOnlyTheRulesThatConcernIt) {
  const FieldFilter filter =
      *FieldFilter::Create({.field_exclude = {"db.c.a"}, .field_renames = {"db.d.a:b"}});
  EXPECT_TRUE(filter.active());
  EXPECT_TRUE(filter.ForCollection(*event::Namespace::Parse("db.c")).active());
  EXPECT_TRUE(filter.ForCollection(*event::Namespace::Parse("db.d")).active());
  EXPECT_FALSE(filter.ForCollection(*event::Namespace::Parse("db.e")).active());
}

TEST(FieldFilterTest, MatchesTheWholeNamespaceIgnoringCase) {
  const Options rules{.field_exclude = {"Db.C.a"}};
  EXPECT_EQ(Apply(rules, R"({"a": 1, "A": 2})", "db.c"), Json(R"({"A": 2})"));
  EXPECT_EQ(Apply(rules, R"({"a": 1})", "xdb.c"), Json(R"({"a": 1})"));
  EXPECT_EQ(Apply(rules, R"({"a": 1})", "db.cx"), Json(R"({"a": 1})"));
}

TEST(FieldFilterTest, AStarInTheNamespaceStandsForAnyCharacters) {
  for (const char* rule : {"*.*.a", "d*.*.a", "*.c*.a", "db.*d.a"}) {
    EXPECT_EQ(Apply({.field_exclude = {rule}}, R"({"a": 1})", "db.c.d"), "{ }") << rule;
  }
  EXPECT_EQ(Apply({.field_exclude = {"db.c.*"}}, R"({"a": 1, "*": 2})"), Json(R"({"a": 1})"));
}

TEST(FieldFilterTest, ANamespaceIsARegularExpressionAsIn131) {
  const Options rules{.field_exclude = {"db.c[12].a"}};
  EXPECT_EQ(Apply(rules, R"({"a": 1})", "db.c2"), "{ }");
  EXPECT_EQ(Apply(rules, R"({"a": 1})", "db.c3"), Json(R"({"a": 1})"));
}

TEST(FieldFilterTest, ANamespaceAlsoMatchesTheVeryNameThatItSpells) {
  EXPECT_EQ(Apply({.field_exclude = {"db.c++.a"}}, R"({"a": 1})", "db.c++"), "{ }");
  EXPECT_EQ(Apply({.field_exclude = {"db.c$.a"}}, R"({"a": 1})", "db.c$"), "{ }");
}

TEST(FieldFilterTest, AnExclusionReachesCollectionsWithDotsInTheirNames) {
  const Options rules{.field_exclude = {"db.orders.archive.2020.card.number"}};
  const char* document = R"({"card": {"number": 1, "type": 2}})";
  EXPECT_EQ(Apply(rules, document, "db.orders.archive.2020"), Json(R"({"card": {"type": 2}})"));
  EXPECT_EQ(Apply(rules, document, "db.orders.archive"), Json(document));
  EXPECT_EQ(Apply({.field_exclude = {"*.*.a.b"}}, R"({"b": 1})", "db.c.a"), Json(R"({"b": 1})"));
}

TEST(FieldFilterTest, APatternThatRunsAwayCountsAsAMatch) {
  const Options rules{.field_exclude = {"db.(x+x+)+[yz].secret"}};
  const std::string ns = "db." + std::string(200, 'x');
  EXPECT_EQ(Apply(rules, R"({"secret": 1})", ns), "{ }");
}

// ---- mistakes in the configuration

TEST(FieldFilterTest, RefusesWhatIsNoPathOfAField) {
  for (const char* rule : {"", "a", "db.c", "db.c.", ".c.a", "db..a", "db.c.a..b", "db.c.a."}) {
    const absl::Status status = FieldFilter::Create({.field_exclude = {"db.c.a", rule}}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << rule;
    EXPECT_THAT(std::string(status.message()), HasSubstr("field.exclude.list: Invalid format: '"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(rule));
  }
}

TEST(FieldFilterTest, RefusesWhatIsNoRename) {
  for (const char* rule : {"", "db.c.a", "db.c.a:", "db.c.a: ", "db.c.a:b:c", ":b", "db.c:b"}) {
    const absl::Status status = FieldFilter::Create({.field_renames = {rule}}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << rule;
    EXPECT_THAT(std::string(status.message()), HasSubstr("field.renames: Invalid format: '"));
  }
}

TEST(FieldFilterTest, SaysWhichRuleHoldsABrokenRegularExpression) {
  EXPECT_THAT(Exclude({"db.c(.a"}, "{}"),
              HasSubstr("field.exclude.list: Invalid format: 'db.c(.a'"));
  EXPECT_THAT(Rename({"db.c(.a:b"}, "{}"), HasSubstr("field.renames: Invalid format: 'db.c(.a:b'"));
  // Here c( can only be a field.
  EXPECT_EQ(Exclude({"db.c.a(.b"}, R"({"a(": {"b": 1}})"), Json(R"({"a(": {}})"));
}

TEST(FieldFilterTest, RefusesAPathDeeperThanAnyDocument) {
  std::string path = "db.c";
  for (int i = 0; i < 128; ++i) path += ".a";
  EXPECT_FALSE(FieldFilter::Create({.field_exclude = {path}}).ok());
  EXPECT_TRUE(FieldFilter::Create({.field_exclude = {path.substr(0, path.size() - 2)}}).ok());
}

TEST(FieldFilterTest, BlanksAroundARuleAreNoPartOfIt) {
  EXPECT_EQ(Exclude({" db.c.a ", "\tdb.c.b"}, R"({"a": 1, "b": 2})"), "{ }");
  EXPECT_EQ(Rename({" db.c.a : b "}, R"({"a": 1})"), Json(R"({"b": 1})"));
}

// ---- exclusions in documents

TEST(FieldFilterTest, ExcludesFieldsOfDocumentsAndOfListsOfDocuments) {
  EXPECT_EQ(Exclude({"db.c.a", "db.c.list.x", "db.c.sub.x.y"},
                    R"({"_id": 1, "a": 2, "list": [{"x": 3, "z": 4}, 5, {"x": {"q": 6}}],
                        "sub": {"x": {"y": 7}}, "ab": 8})"),
            Json(R"({"_id": 1, "list": [{"z": 4}, 5, {}], "sub": {"x": {}}, "ab": 8})"));
}

TEST(FieldFilterTest, NoPathLeadsIntoAListInAList) {
  const char* document = R"({"a": [[{"x": 1}], {"x": 2}]})";
  EXPECT_EQ(Exclude({"db.c.a.x"}, document), Json(R"({"a": [[{"x": 1}], {}]})"));
  EXPECT_EQ(Exclude({"db.c.a"}, document), "{ }");
}

TEST(FieldFilterTest, ReturnsTheDocumentItselfWhereNoRuleApplies) {
  const FieldFilter::Rules rules =
      FieldFilter::Create({.field_exclude = {"db.c.a.b"}, .field_renames = {"db.c.x:y"}})
          ->ForCollection(*event::Namespace::Parse("db.c"));
  const bson::Document document = *bson::FromJson(R"({"_id": 1, "a": {"c": [1, {"b": 2}]}})");
  bson::Builder out;
  EXPECT_EQ(rules.Apply(document, out)->data(), document.view().data());
}

TEST(FieldFilterTest, ReusesTheBufferFromOneDocumentToTheNext) {
  const FieldFilter::Rules rules = FieldFilter::Create({.field_exclude = {"db.c.a"}})
                                       ->ForCollection(*event::Namespace::Parse("db.c"));
  bson::Builder out;
  const bson::Document first = *bson::FromJson(R"({"a": 1, "b": 2})");
  const bson::Document second = *bson::FromJson(R"({"a": 1, "c": 3})");
  EXPECT_EQ(bson::ToDebugString(*rules.Apply(first, out)), Json(R"({"b": 2})"));
  EXPECT_EQ(bson::ToDebugString(*rules.Apply(second, out)), Json(R"({"c": 3})"));
}

TEST(FieldFilterTest, ExcludesEveryFieldOfThatName) {
  const FieldFilter::Rules rules = FieldFilter::Create({.field_exclude = {"db.c.a"}})
                                       ->ForCollection(*event::Namespace::Parse("db.c"));
  bson::Builder document;
  document.Int32("a", 1).Int32("b", 2).Int32("a", 3);
  bson::Builder out;
  EXPECT_EQ(bson::ToDebugString(*rules.Apply(document.view(), out)), Json(R"({"b": 2})"));
}

TEST(FieldFilterTest, ExcludesTheDottedFieldsOfAShardedCollectionsKey) {
  EXPECT_EQ(Exclude({"db.c.a.b", "db.c.x", "db.c.p.q.r"},
                    R"({"a.b": 1, "a.c": 2, "x.y": 3, "p.q": {"r": 4, "s": 5}, "_id": 6})"),
            Json(R"({"a.c": 2, "p.q": {"s": 5}, "_id": 6})"));
}

// ---- exclusions in patches

TEST(FieldFilterTest, ExcludesTheFieldAndWhatIsInsideItFromAPatch) {
  EXPECT_EQ(Exclude({"db.c.a.b"}, R"({"$v": 1, "$set": {"a.b": 1, "a.b.c": 2, "a.bc": 3},
                                      "$unset": {"a.b": true, "x": true}})"),
            Json(R"({"$v": 1, "$set": {"a.bc": 3}, "$unset": {"x": true}})"));
}

TEST(FieldFilterTest, AnEmptiedOperatorStays) {
  EXPECT_EQ(Exclude({"db.c.a"}, R"({"$v": 1, "$set": {"a": 1}})"),
            Json(R"({"$v": 1, "$set": {}})"));
}

TEST(FieldFilterTest, NumbersInAKeyAreIndexes) {
  EXPECT_EQ(
      Exclude({"db.c.a.b"}, R"({"$set": {"a.0.b": 1, "a.11.b.0": 2, "a.1x.b": 3, "a.-1.b": 4}})"),
      Json(R"({"$set": {"a.1x.b": 3, "a.-1.b": 4}})"));
}

TEST(FieldFilterTest, TwoNumbersInARowLieInAListInAList) {
  EXPECT_EQ(Exclude({"db.c.a.b"}, R"({"$set": {"a.0.0.b": 1, "a.0.0": {"b": 2}}})"),
            Json(R"({"$set": {"a.0.0.b": 1, "a.0.0": {"b": 2}}})"));
  EXPECT_EQ(Exclude({"db.c.a.b"}, R"({"$set": {"a.0.b.0.0": 1, "a.b.0.0.c": 2}})"),
            Json(R"({"$set": {}})"));
}

TEST(FieldFilterTest, ANumberInAKeyMayBeAFieldThatThePathNames) {
  EXPECT_EQ(Exclude({"db.c.a.0.b"}, R"({"$set": {"a.0.b": 1, "a.5.0.b.c": 2, "a.0.3": {"b": 3},
                                                 "a.7": {"0": {"b": 4}}, "a.1.b": 5}})"),
            Json(R"({"$set": {"a.0.3": {}, "a.7": {"0": {}}, "a.1.b": 5}})"));
}

TEST(FieldFilterTest, ExcludesInsideEveryValueThatHoldsTheField) {
  EXPECT_EQ(Exclude({"db.c.a.b"}, R"({"$set": {"a.4": {"b": 1, "c": 2}, "a.5": {"b": 3},
                                               "a": [{"b": 4}], "a.6": 7}})"),
            Json(R"({"$set": {"a.4": {"c": 2}, "a.5": {}, "a": [{}], "a.6": 7}})"));
}

TEST(FieldFilterTest, ExcludesKeysBesideOneThatIsThePath) {
  EXPECT_EQ(Exclude({"db.c.a.b"}, R"({"$set": {"a.b": 1, "a.0.b": 2, "a.b.c": 3}})"),
            Json(R"({"$set": {}})"));
}

TEST(FieldFilterTest, ExcludesFromEveryOperator) {
  EXPECT_EQ(Exclude({"db.c.a.b", "db.c.gone"},
                    R"({"$v": 1, "$push": {"a": {"$each": [{"b": 1, "c": 2}], "$slice": 3},
                                           "gone": {"$each": [], "$slice": 4}},
                        "$pull": {"a": {"$or": [{"b": 5}, {"c": 6}]}}, "$inc": {"a.0.b": 7}})"),
            Json(R"({"$v": 1, "$push": {"a": {"$each": [{"c": 2}], "$slice": 3}},
                     "$pull": {"a": {"$or": [{}, {"c": 6}]}}, "$inc": {}})"));
}

TEST(FieldFilterTest, AFieldNamedSetThatIsNoDocumentIsAFieldLikeOthers) {
  EXPECT_EQ(Exclude({"db.c.a"}, R"({"_id": 1, "$set": 5, "a": 2})"),
            Json(R"({"_id": 1, "$set": 5})"));
  EXPECT_EQ(Exclude({"db.c.a"}, R"({"_id": 1, "$set": [{"a": 1}], "a": 2})"),
            Json(R"({"_id": 1, "$set": [{"a": 1}]})"));
}

TEST(FieldFilterTest, ExcludesBesideAndInsideAUsersFieldNamedSet) {
  EXPECT_EQ(Exclude({"db.c.a", "db.c.$set.x"}, R"({"_id": 1, "$set": {"a": 1, "x": 2}, "a": 3})"),
            Json(R"({"_id": 1, "$set": {}})"));
}

TEST(FieldFilterTest, AnOperatorIsNoFieldThatAPathCouldName) {
  const char* patch = R"({"$v": 1, "$set": {"a": 1}})";
  EXPECT_EQ(Exclude({"db.c.$set", "db.c.$v", "db.c.$set.a"}, patch), Json(patch));
}

TEST(FieldFilterTest, RefusesAPatchOfAnotherVersion) {
  EXPECT_THAT(Exclude({"db.c.a"}, R"({"$v": 2, "diff": {"u": {"a": 1}}})"),
              HasSubstr("a patch of version 2"));
}

// ---- renames

TEST(FieldFilterTest, ARenamedFieldGoesToTheEndOfItsDocument) {
  EXPECT_EQ(Rename({"db.c.a:n", "db.c.list.x:y"},
                   R"({"_id": 1, "a": 2, "list": [{"x": 3, "z": 4}, {"z": 5}], "b": 6})"),
            Json(R"({"_id": 1, "list": [{"z": 4, "y": 3}, {"z": 5}], "b": 6, "n": 2})"));
}

TEST(FieldFilterTest, RenamesAreAppliedOneAfterTheOther) {
  EXPECT_EQ(Rename({"db.c.a:b", "db.c.b:c"}, R"({"a": 1})"), Json(R"({"c": 1})"));
  EXPECT_EQ(Rename({"db.c.b:c", "db.c.a:b"}, R"({"a": 1, "b": 2})"), Json(R"({"c": 2, "b": 1})"));
  EXPECT_EQ(Rename({"db.c.a:b", "db.c.b.x:y"}, R"({"a": {"x": 1}})"), Json(R"({"b": {"y": 1}})"));
  EXPECT_EQ(Rename({"db.c.a.b:c", "db.c.a:d", "db.c.d.c:e"}, R"({"$set": {"a.0.b": 1}})"),
            Json(R"({"$set": {"d.0.e": 1}})"));
}

TEST(FieldFilterTest, ExclusionsComeBeforeRenames) {
  EXPECT_EQ(Apply({.field_exclude = {"db.c.b"}, .field_renames = {"db.c.a:b"}},
                  R"({"a": 1, "b": 2, "c": 3})"),
            Json(R"({"c": 3, "b": 1})"));
  EXPECT_EQ(Apply({.field_exclude = {"db.c.a"}, .field_renames = {"db.c.a:b", "db.c.c:d"}},
                  R"({"a": 1, "c": 3})"),
            Json(R"({"d": 3})"));
}

TEST(FieldFilterTest, RenamesInThePartOfAKeyThatIsTheField) {
  EXPECT_EQ(Rename({"db.c.a:n"}, R"({"$set": {"a.0.c": 1, "z": 2, "a.1": 3}})"),
            Json(R"({"$set": {"z": 2, "n.0.c": 1, "n.1": 3}})"));
  EXPECT_EQ(Rename({"db.c.a.a:n"}, R"({"$unset": {"a.0.a.a": true}})"),
            Json(R"({"$unset": {"a.0.n.a": true}})"));
  EXPECT_EQ(
      Rename({"db.c.a:n"}, R"({"$push": {"a": {"$each": [], "$slice": 1}}, "$set": {"b": 1}})"),
      Json(R"({"$push": {"n": {"$each": [], "$slice": 1}}, "$set": {"b": 1}})"));
}

TEST(FieldFilterTest, RenamesInAPatchOnlyAsFarAs131Does) {
  // A key that is the path itself: only that one.
  EXPECT_EQ(Rename({"db.c.a.b:n"}, R"({"$set": {"a.b": 1, "z": 2, "a.0.b": 3}})"),
            Json(R"({"$set": {"z": 2, "a.0.b": 3, "a.n": 1}})"));
  // None after the first that lies around it.
  EXPECT_EQ(Rename({"db.c.a.b:n"}, R"({"$set": {"a.1.b": 1, "a.4": {"b": 2}, "a.5": {"b": 3}}})"),
            Json(R"({"$set": {"a.4": {"n": 2}, "a.5": {"b": 3}, "a.1.n": 1}})"));
}

TEST(FieldFilterTest, ANameThatIsTakenIsAnError) {
  const std::string taken = "Document already contains field : ";
  EXPECT_THAT(Rename({"db.c.a:b"}, R"({"a": 1, "b": 2})"), HasSubstr(taken + "b "));
  EXPECT_THAT(Rename({"db.c.a:a"}, R"({"a": 1})"), HasSubstr(taken + "a "));
  EXPECT_THAT(Rename({"db.c.l.a:b"}, R"({"l": [{"a": 1, "b": 2}]})"), HasSubstr(taken + "b "));
  EXPECT_THAT(Rename({"db.c.a.b:n"}, R"({"$set": {"a.0.b": 1, "a.0.n": 2}})"),
              HasSubstr(taken + "a.0.n "));
  EXPECT_THAT(Rename({"db.c.a.b:n"}, R"({"$set": {"a.b": 1, "a.n": 2}})"),
              HasSubstr(taken + "a.n "));
  EXPECT_EQ(Rename({"db.c.a:b"}, R"({"b": 2})"), Json(R"({"b": 2})"));
}

TEST(FieldFilterTest, ATakenNameIsDataLossForTheFailurePolicy) {
  const FieldFilter::Rules rules = FieldFilter::Create({.field_renames = {"db.c.a:b"}})
                                       ->ForCollection(*event::Namespace::Parse("db.c"));
  const bson::Document document = *bson::FromJson(R"({"a": 1, "b": 2})");
  bson::Builder out;
  EXPECT_EQ(rules.Apply(document, out).status().code(), absl::StatusCode::kDataLoss);
}

TEST(FieldFilterTest, FieldsOfTheSameNameAreRenamedTogether) {
  const FieldFilter::Rules rules = FieldFilter::Create({.field_renames = {"db.c.a:n"}})
                                       ->ForCollection(*event::Namespace::Parse("db.c"));
  bson::Builder document;
  document.Int32("a", 1).Int32("b", 2).Int32("a", 3);
  bson::Builder expected;
  expected.Int32("b", 2).Int32("n", 1).Int32("n", 3);
  bson::Builder out;
  EXPECT_EQ(rules.Apply(document.view(), out)->bytes(), expected.view().bytes());
}

// ---- broken input

TEST(FieldFilterTest, BrokenBsonIsDataLoss) {
  const Options options{.field_exclude = {"db.c.a.x"}, .field_renames = {"db.c.a.y:z"}};
  const FieldFilter::Rules rules =
      FieldFilter::Create(options)->ForCollection(*event::Namespace::Parse("db.c"));
  const bson::Document whole =
      *bson::FromJson(R"({"_id": 1, "a": [{"x": 1, "y": "text"}], "$set": {"a.0": {"x": 2}}})");
  const std::string bytes(whole.view().bytes());
  for (size_t at = 4; at + 1 < bytes.size(); ++at) {
    for (const char wrong : {'\0', '\x7e', '\xff', '\x03'}) {
      std::string broken = bytes;
      broken[at] = wrong;
      bson::Builder out;
      const auto result = rules.Apply(bson::Document(broken), out);
      if (!result.ok()) {
        EXPECT_EQ(result.status().code(), absl::StatusCode::kDataLoss);
      }
    }
  }
}

}  // namespace
}  // namespace shardtail::filter
