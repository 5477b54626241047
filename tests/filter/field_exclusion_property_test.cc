// The rule that counts most: an excluded value never gets into an output. Random documents hold
// secrets at the excluded paths, and are sent as documents, as updates of any of their parts, and
// as the keys of a sharded collection.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filter/field_filter.h"

namespace shardtail::filter {
namespace {

constexpr char kSecret[] = "the-secret";
constexpr char kOpen[] = "in-the-open";

// A value of a random document.
struct Value {
  bson::Type type = bson::Type::kNull;  // kDocument, kArray, kString, or kNull
  std::string name;
  bool secret = false;  // kString
  std::vector<Value> children;
};

// A value, and how an update spells its place.
struct Place {
  std::string key;
  const Value* value;
  bool in_list;  // then no shard key leads there
};

class RandomCase {
 public:
  explicit RandomCase(uint32_t seed) : random_(seed) {
    do {
      excluded_.push_back(RandomPath());
    } while (OneIn(2));
    document_.type = bson::Type::kDocument;
    document_.children = RandomFields(0);
    Plant(document_, {}, /*reachable=*/true, /*excluded=*/false);
    FindPlaces(document_, "", /*in_list=*/false);
  }

  bool OneIn(uint32_t n) { return random_() % n == 0; }

  Options Rules() {
    Options rules;
    for (const auto& path : excluded_) rules.field_exclude.push_back("db.c." + Joined(path));
    while (OneIn(2)) {
      rules.field_renames.push_back(
          fmt::format("db.c.{}:{}", Joined(RandomPath()), OneIn(2) ? RandomName() : "new"));
    }
    return rules;
  }

  bson::Document Document() {
    return Built([this](auto& out) { Write(document_, out); });
  }

  // {$v: 1, $set: …, $unset: …} of some of the document's parts, or of other operators.
  bson::Document Update() {
    return Built([this](bson::Builder& out) {
      out.Int32("$v", 1);
      for (const char* name : {"$push", "$set", "$unset", "$addToSet"}) {
        if (OneIn(2)) continue;
        out.OpenDocument(name);
        do {
          WriteChange(name, places_[random_() % places_.size()], out);
        } while (!OneIn(4));
        out.Close();
      }
    });
  }

  // {"a.b": …, _id: 1}: shard keys lead through documents only.
  bson::Document ShardKey() {
    return Built([this](bson::Builder& out) {
      for (const Place& place : places_) {
        if (!place.in_list && OneIn(2)) WriteValue(place.key, *place.value, out);
      }
      out.Int32("_id", 1);
    });
  }

 private:
  using Path = std::vector<std::string>;

  static std::string Joined(const Path& path) { return fmt::format("{}", fmt::join(path, ".")); }

  template <typename Write>
  static bson::Document Built(Write write) {
    bson::Builder out;
    write(out);
    return out.Build();
  }

  std::string RandomName() {
    constexpr const char* kNames[] = {"a", "b", "ab", "0", "1"};
    return kNames[random_() % (OneIn(3) ? 5 : 2)];
  }

  Path RandomPath() {
    Path path;
    do {
      path.push_back(RandomName());
    } while (OneIn(2) && path.size() < 5);
    return path;
  }

  std::vector<Value> RandomFields(int depth) {
    std::vector<Value> fields;
    do {
      const std::string name = RandomName();
      const bool is_new = std::ranges::find(fields, name, &Value::name) == fields.end();
      if (is_new) fields.push_back(RandomValue(name, depth));
    } while (!OneIn(3));
    return fields;
  }

  Value RandomValue(std::string name, int depth) {
    Value value{.type = bson::Type::kString, .name = std::move(name)};
    if (depth == 5 || OneIn(4)) return value;
    if (!OneIn(3)) {
      value.type = bson::Type::kDocument;
      value.children = RandomFields(depth + 1);
      return value;
    }
    value.type = bson::Type::kArray;
    do {
      value.children.push_back(RandomValue(std::to_string(value.children.size()), depth + 1));
    } while (!OneIn(3));
    return value;
  }

  // Marks the secrets. `path` leads to `value`, lists left out; where a list lies in a list, no
  // path leads any further.
  void Plant(Value& value, const Path& path, bool reachable, bool excluded) {
    value.secret = excluded;
    for (Value& child : value.children) {
      if (value.type == bson::Type::kArray) {
        Plant(child, path, reachable && child.type != bson::Type::kArray, excluded);
        continue;
      }
      Path inner = path;
      inner.push_back(child.name);
      const bool is_excluded = reachable && std::ranges::find(excluded_, inner) != excluded_.end();
      Plant(child, inner, reachable, excluded || is_excluded);
    }
  }

  void FindPlaces(const Value& value, const std::string& prefix, bool in_list) {
    for (const Value& child : value.children) {
      const bool is_in_list = in_list || value.type == bson::Type::kArray;
      places_.push_back({prefix + child.name, &child, is_in_list});
      FindPlaces(child, prefix + child.name + ".", is_in_list);
    }
  }

  void WriteChange(std::string_view operation, const Place& place, bson::Builder& out) {
    if (operation == "$unset") {
      out.Bool(place.key, true);
    } else if (operation == "$set" || place.value->type != bson::Type::kArray) {
      WriteValue(place.key, *place.value, out);
    } else {
      out.OpenDocument(place.key);
      WriteValue("$each", *place.value, out);
      out.Int32("$slice", 5).Close();
    }
  }

  static void Write(const Value& value, bson::Builder& out) {
    for (const Value& child : value.children) WriteValue(child.name, child, out);
  }

  static void WriteValue(std::string_view name, const Value& value, bson::Builder& out) {
    switch (value.type) {
      case bson::Type::kDocument:
        out.OpenDocument(name);
        Write(value, out);
        out.Close();
        return;
      case bson::Type::kArray:
        out.OpenArray(name);
        Write(value, out);
        out.Close();
        return;
      default:
        out.String(name, value.secret ? kSecret : kOpen);
    }
  }

  std::mt19937 random_;
  std::vector<Path> excluded_;
  Value document_;
  std::vector<Place> places_;
};

size_t Count(bson::View document, std::string_view text) {
  size_t count = 0;
  const std::string_view bytes = document.bytes();
  for (size_t at = bytes.find(text); at != std::string_view::npos; at = bytes.find(text, at + 1)) {
    ++count;
  }
  return count;
}

class FieldExclusionPropertyTest : public ::testing::Test {
 protected:
  // Checks what `rules` make of `input`; returns whether there was a secret.
  bool Check(const Options& rules, bson::View input, bool keeps_the_rest) {
    const FieldFilter::Rules filter =
        FieldFilter::Create(rules)->ForCollection(*event::Namespace::Parse("db.c"));
    const absl::StatusOr<bson::View> output = filter.Apply(input, out_);
    const auto story = [&] {
      return fmt::format("{} {}\n{}\n{}", fmt::join(rules.field_exclude, ","),
                         fmt::join(rules.field_renames, ","), bson::ToDebugString(input),
                         output.ok() ? bson::ToDebugString(*output) : "");
    };
    if (!output.ok()) {  // a rename onto a name that is taken: nothing is published
      EXPECT_FALSE(rules.field_renames.empty()) << output.status() << story();
      EXPECT_EQ(std::string(output.status().message()).find(kSecret), std::string::npos);
      return false;
    }
    EXPECT_TRUE(bson::Validate(*output).ok()) << story();
    EXPECT_EQ(Count(*output, kSecret), 0U) << story();
    if (keeps_the_rest) {
      EXPECT_EQ(Count(*output, kOpen), Count(input, kOpen)) << story();
    }
    return Count(input, kSecret) != 0;
  }

  bson::Builder out_;
};

TEST_F(FieldExclusionPropertyTest, AnExcludedValueIsInNoOutput) {
  constexpr uint32_t kCases = 20000;
  int with_secret = 0;
  for (uint32_t seed = 0; seed < kCases && !HasFailure(); ++seed) {
    RandomCase random(seed);
    const Options rules = random.Rules();
    with_secret += Check(rules, random.Document(), /*keeps_the_rest=*/true) ? 1 : 0;
    with_secret += Check(rules, random.Update(), /*keeps_the_rest=*/false) ? 1 : 0;
    with_secret += Check(rules, random.ShardKey(), /*keeps_the_rest=*/true) ? 1 : 0;
  }
  EXPECT_GT(with_secret, kCases / 4);
}

}  // namespace
}  // namespace shardtail::filter
