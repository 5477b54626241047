// Our rules beside Debezium 1.3.1's own, on cases that its FieldSelector decided; see
// testdata/FieldSelectorCases.java.

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <string>

#include "absl/strings/str_split.h"
#include "filter/field_filter.h"

namespace shardtail::filter {
namespace {

struct Case {
  std::string line;
  FieldFilter::Rules rules;
  bool is_exclusion = false;
  bool is_patch = false;
  bson::Document document;
  std::string error;      // Debezium's, or empty
  bson::Document result;  // when there is no error
};

std::vector<std::string> List(const std::string& value) {
  if (value == "-") return {};
  return absl::StrSplit(value, ',');
}

std::vector<Case> ReadCases() {
  std::ifstream file(TESTDATA_DIR "/field_selector_cases.tsv");
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> columns = absl::StrSplit(line, '\t');
    Case one;
    one.line = line;
    one.rules = FieldFilter::Create(
                    {.field_exclude = List(columns.at(0)), .field_renames = List(columns.at(1))})
                    ->ForCollection(*event::Namespace::Parse("db.c"));
    one.is_exclusion = columns.at(1) == "-";
    one.document = *bson::FromJson(columns.at(2));
    one.is_patch = one.document.view().Find("$v").has_value();
    if (columns.at(3).starts_with("! ")) {
      one.error = columns.at(3).substr(2);
    } else {
      one.result = *bson::FromJson(columns.at(3));
    }
    cases.push_back(std::move(one));
  }
  return cases;
}

class FieldSelectorCasesTest : public ::testing::Test {
 protected:
  std::vector<Case> cases_ = ReadCases();
  bson::Builder out_;
};

TEST_F(FieldSelectorCasesTest, DocumentsAndRenamesAreAsIn131) {
  int compared = 0;
  for (const Case& one : cases_) {
    if (one.is_exclusion && one.is_patch) continue;
    ++compared;
    const absl::StatusOr<bson::View> result = one.rules.Apply(one.document, out_);
    if (!one.error.empty()) {
      EXPECT_TRUE(std::string(result.status().message()).starts_with(one.error + " ")) << one.line;
      continue;
    }
    ASSERT_TRUE(result.ok()) << result.status() << "\n" << one.line;
    EXPECT_EQ(result->bytes(), one.result.view().bytes())
        << one.line << "\nours: " << bson::ToDebugString(*result);
  }
  EXPECT_EQ(compared, 3200);
}

// In patches 1.3.1 lets some excluded values slip through: there we leave out more, but what it
// leaves out we do too, and the rest stays as it is.
TEST_F(FieldSelectorCasesTest, ExclusionsFromPatchesAreAsIn131AndStricter) {
  int same = 0;
  int stricter = 0;
  for (const Case& one : cases_) {
    if (!one.is_exclusion || !one.is_patch) continue;
    const absl::StatusOr<bson::View> result = one.rules.Apply(one.document, out_);
    ASSERT_TRUE(result.ok()) << result.status() << "\n" << one.line;
    const std::string ours(result->bytes());
    if (ours == one.result.view().bytes()) {
      ++same;
      continue;
    }
    ++stricter;
    EXPECT_LT(ours.size(), one.result.view().size()) << one.line;
    bson::Builder again;
    EXPECT_EQ(one.rules.Apply(one.result, again)->bytes(), ours)
        << one.line << "\nours: " << bson::ToDebugString(bson::Document(ours));
  }
  EXPECT_EQ(same + stricter, 1300);
  EXPECT_EQ(stricter, 75);
}

}  // namespace
}  // namespace shardtail::filter
