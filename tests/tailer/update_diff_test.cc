#include "tailer/update_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace shardtail::tailer {
namespace {

using ::testing::HasSubstr;

constexpr char kNoForm[] = "no form as modifiers";

bson::Document Json(std::string_view json) {
  absl::StatusOr<bson::Document> document = bson::FromJson(json);
  EXPECT_TRUE(document.ok()) << json << ": " << document.status();
  return document.ok() ? *document : bson::Document();
}

// The patch as JSON for people, or why there is none.
std::string Modifiers(bson::View diff) {
  UpdateDiff converter;
  bson::Builder patch;
  const absl::StatusOr<bool> has_form = converter.ToModifiers(diff, &patch);
  if (!has_form.ok()) {
    EXPECT_EQ(has_form.status().code(), absl::StatusCode::kDataLoss);
    return std::string(has_form.status().message());
  }
  if (!*has_form) return kNoForm;
  EXPECT_TRUE(bson::Validate(patch.view()).ok());
  return bson::ToDebugString(patch.view());
}

std::string Modifiers(std::string_view json) { return Modifiers(Json(json)); }

TEST(UpdateDiffTest, UpdatesAndInsertsAreSetAndDeletesAreUnset) {
  EXPECT_EQ(Modifiers(R"({"d": {"gone": false}, "u": {"a": 2}, "i": {"b": "x"}})"),
            R"({ "$v" : 1, "$set" : { "a" : 2, "b" : "x" }, "$unset" : { "gone" : true } })");
}

TEST(UpdateDiffTest, AnEmptySectionIsLeftOut) {
  EXPECT_EQ(Modifiers(R"({"u": {"a": 2}})"), R"({ "$v" : 1, "$set" : { "a" : 2 } })");
  EXPECT_EQ(Modifiers(R"({"d": {"a": false}})"), R"({ "$v" : 1, "$unset" : { "a" : true } })");
}

TEST(UpdateDiffTest, InnerDiffsBecomeDottedPaths) {
  EXPECT_EQ(Modifiers(R"({"sa": {"u": {"x": 1}, "sb": {"i": {"y": 2}, "d": {"z": false}}}})"),
            R"({ "$v" : 1, "$set" : { "a.b.y" : 2, "a.x" : 1 }, "$unset" : { "a.b.z" : true } })");
}

TEST(UpdateDiffTest, ArrayElementsArePathsByIndex) {
  EXPECT_EQ(Modifiers(R"({"sl": {"a": true, "u1": "one", "s3": {"u": {"x": 1}},
                                 "s4": {"a": true, "u0": null}}})"),
            R"({ "$v" : 1, "$set" : { "l.1" : "one", "l.3.x" : 1, "l.4.0" : null } })");
}

TEST(UpdateDiffTest, PathsStandInTheOrderOfMongoDb4) {
  EXPECT_EQ(
      Modifiers(
          R"({"u": {"b": 1, "a": 1}, "i": {"Z": 1, "a-b": 1}, "sa2": {"u": {"10": 1, "9": 1, "x": 1}}})"),
      R"({ "$v" : 1, "$set" : { "Z" : 1, "a" : 1, "a-b" : 1, "a2.9" : 1, "a2.10" : 1, "a2.x" : 1, "b" : 1 } })");
}

TEST(UpdateDiffTest, APathComesBeforeItsNeighboursThatContinueIt) {
  // By characters "a-b" would come before "a.b"; field by field it does not.
  EXPECT_EQ(Modifiers(R"({"u": {"a-b": 1}, "sa": {"u": {"b": 1}}})"),
            R"({ "$v" : 1, "$set" : { "a.b" : 1, "a-b" : 1 } })");
}

TEST(UpdateDiffTest, ValuesKeepTheirTypes) {
  const bson::Document diff = Json(
      R"({"u": {"int": {"$numberInt": "1"}, "long": {"$numberLong": "1"}, "double": {"$numberDouble": "1.0"},
                "date": {"$date": {"$numberLong": "-1"}}, "document": {"d": {"$minKey": 1}}}})");
  UpdateDiff converter;
  bson::Builder patch;
  ASSERT_TRUE(converter.ToModifiers(diff, &patch).value());
  const bson::View set = patch.view().Find("$set")->AsDocument();
  const bson::View given = diff.view().Find("u")->AsDocument();
  bson::Reader reader(given);
  bson::Element expected;
  while (reader.Next(&expected)) {
    const auto found = set.Find(expected.name);
    ASSERT_TRUE(found.has_value()) << expected.name;
    EXPECT_EQ(found->type, expected.type) << expected.name;
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(found->value), found->value_size),
              std::string_view(reinterpret_cast<const char*>(expected.value), expected.value_size))
        << expected.name;
  }
}

TEST(UpdateDiffTest, AFieldNamedLikeASectionIsAField) {
  EXPECT_EQ(Modifiers(R"({"u": {"d": 1}, "ss": {"i": {"a": 1}}, "sa": {"u": {"l": 2}}})"),
            R"({ "$v" : 1, "$set" : { "a.l" : 2, "d" : 1, "s.a" : 1 } })");
}

TEST(UpdateDiffTest, AnArrayCutOffHasNoForm) {
  EXPECT_EQ(Modifiers(R"({"sl": {"a": true, "l": 3}})"), kNoForm);
  EXPECT_EQ(Modifiers(R"({"u": {"x": 1}, "sa": {"sl": {"a": true, "l": 3, "u0": 1}}})"), kNoForm);
}

TEST(UpdateDiffTest, AnArrayCutOffToNothingIsSetEmpty) {
  EXPECT_EQ(Modifiers(R"({"sa": {"sl": {"a": true, "l": 0}}})"),
            R"({ "$v" : 1, "$set" : { "a.l" : [  ] } })");
  // Cut off and padded again: no form.
  EXPECT_EQ(Modifiers(R"({"sl": {"a": true, "l": 0, "u1": 1}})"), kNoForm);
}

TEST(UpdateDiffTest, NamesThatMeanAnotherFieldInAPathHaveNoForm) {
  EXPECT_EQ(Modifiers(R"({"u": {"a.b": 1}})"), kNoForm);
  EXPECT_EQ(Modifiers(R"({"i": {"": 1}})"), kNoForm);
  EXPECT_EQ(Modifiers(R"({"d": {"$x": false}})"), kNoForm);
  EXPECT_EQ(Modifiers(R"({"sa.b": {"u": {"c": 1}}})"), kNoForm);
  EXPECT_EQ(Modifiers(R"({"s": {"u": {"c": 1}}})"), kNoForm);
  EXPECT_EQ(Modifiers(R"({"s$x": {"u": {"c": 1}}})"), kNoForm);
  EXPECT_EQ(Modifiers(R"({"sl": {"a": true, "s0": {"u": {"x.y": 1}}}})"), kNoForm);
}

TEST(UpdateDiffTest, DotsAndDollarsInsideAValueDoNotMatter) {
  EXPECT_EQ(Modifiers(R"({"u": {"a$": {"x.y": 1, "": 2}}})"),
            R"({ "$v" : 1, "$set" : { "a$" : { "x.y" : 1, "" : 2 } } })");
}

TEST(UpdateDiffTest, ABinaryDiffAndAnEmptyOneHaveNoForm) {
  EXPECT_EQ(Modifiers(R"({"sdata": {"b": {"t": {"o": 1}}}})"), kNoForm);
  EXPECT_EQ(Modifiers("{}"), kNoForm);
  EXPECT_EQ(Modifiers(R"({"u": {}})"), kNoForm);
}

TEST(UpdateDiffTest, WhatIsNoDiffIsNamed) {
  EXPECT_EQ(Modifiers(R"({"x": {"a": 1}})"), "its diff of '' has a section 'x', which is unknown");
  EXPECT_EQ(Modifiers(R"({"": {"a": 1}})"), "its diff of '' has a section '', which is unknown");
  EXPECT_EQ(Modifiers(R"({"u": 1})"), "its diff of '' has no document in 'u'");
  EXPECT_EQ(Modifiers(R"({"sa": {"sb": 1}})"), "its diff of 'a' has no document in 'sb'");
  EXPECT_EQ(Modifiers(R"({"sa": {"a": true, "x1": 1}})"),
            "its diff of 'a' has an element 'x1', which is unknown");
  EXPECT_EQ(Modifiers(R"({"sa": {"a": true, "u": 1}})"),
            "its diff of 'a' has an element 'u', which is unknown");
  EXPECT_EQ(Modifiers(R"({"sa": {"a": true, "": 1}})"),
            "its diff of 'a' has an element '', which is unknown");
  EXPECT_EQ(Modifiers(R"({"sa": {"a": true, "l": "x"}})"),
            "its diff of 'a' has no array's size in 'l'");
  EXPECT_EQ(Modifiers(R"({"sa": {"a": true, "l": -1}})"),
            "its diff of 'a' has no array's size in 'l'");
}

TEST(UpdateDiffTest, EveryTruncatedOrBrokenDiffIsRefusedOrRead) {
  const bson::Document diff = Json(
      R"({"d": {"g": false}, "u": {"a": "text"}, "sb": {"a": true, "u1": 2, "s2": {"i": {"x": 1}}}})");
  const std::string bytes(diff.view().bytes());
  UpdateDiff converter;
  bson::Builder patch;
  for (size_t at = 4; at < bytes.size(); ++at) {
    for (const char value : {'\0', '\1', '\3', '\x7f', '\xff'}) {
      std::string broken = bytes;
      broken[at] = value;
      const auto view = bson::View::Create(broken);
      if (!view.ok()) continue;
      // Whatever it says: no sanitizer may find anything.
      const auto has_form = converter.ToModifiers(*view, &patch);
      if (has_form.ok() && *has_form) {
        EXPECT_TRUE(bson::View::Create(patch.view().bytes()).ok());
      }
    }
  }
}

TEST(UpdateDiffTest, NestingIsLimited) {
  bson::Document diff = Json(R"({"u": {"a": 1}})");
  for (int i = 0; i < 1000; ++i) diff = bson::Builder().SubDocument("sa", diff).Build();
  EXPECT_THAT(Modifiers(diff.view()), HasSubstr("is nested too deeply"));
}

TEST(UpdateDiffTest, AConverterIsUsedAgainWithoutTraces) {
  UpdateDiff converter;
  bson::Builder patch;
  EXPECT_FALSE(converter.ToModifiers(Json(R"({"u": {"a": 1, "b.c": 1}})"), &patch).value());
  EXPECT_FALSE(converter.ToModifiers(Json(R"({"sx": {"sy": {"zz": 1}}})"), &patch).ok());
  EXPECT_TRUE(converter.ToModifiers(Json(R"({"u": {"z": 1}})"), &patch).value());
  EXPECT_EQ(bson::ToDebugString(patch.view()), R"({ "$v" : 1, "$set" : { "z" : 1 } })");
}

}  // namespace
}  // namespace shardtail::tailer
