// Every row of rendering.txt, in which a real Debezium 1.3.1 rendered each BSON type; where we
// render something else on purpose, the case says so.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "mongo/bson.h"
#include "tests/encoding/rendered.h"

namespace shardtail::encoding {
namespace {

using bson::Builder;
using bson::Document;

// A value under a name of rendering.txt. `ours_in_values` and `ours_in_keys` are what we write
// instead of Debezium's.
struct Case {
  std::string_view name;
  Document document;  // {v: <the value>}
  std::string_view ours_in_values;
  std::string_view ours_in_keys;
};

Document Json(const std::string& value) {
  const auto document = bson::FromJson("{\"v\": " + value + "}");
  EXPECT_TRUE(document.ok()) << value << ": " << document.status();
  return document.value_or(Document());
}

Document Double(double value) { return Builder().Double("v", value).Build(); }
Document Text(std::string_view value) { return Builder().String("v", value).Build(); }

Document Binary(std::string_view base64, std::string_view subtype) {
  return Json(R"({"$binary": {"base64": ")" + std::string(base64) + R"(", "subType": ")" +
              std::string(subtype) + R"("}})");
}

Document Decimal(std::string_view value) {
  return Json(R"({"$numberDecimal": ")" + std::string(value) + R"("})");
}

Document Date(std::string_view millis) {
  return Json(R"({"$date": {"$numberLong": ")" + std::string(millis) + R"("}})");
}

Document Ints(int count) {
  Builder builder;
  builder.OpenArray("v");
  for (int i = 0; i < count; ++i) builder.Int32(std::to_string(i), i);
  return builder.Close().Build();
}

constexpr std::string_view kOrders = R"({"$ref": "orders", "$id": )";

// In the order of the file.
std::vector<Case> Cases() {
  return {
      {"int32", Json("42")},
      {"int32min", Json("-2147483648")},
      {"int64", Builder().Int64("v", 42).Build()},
      {"int64max", Json(R"({"$numberLong": "9223372036854775807"})")},
      {"int64min", Json(R"({"$numberLong": "-9223372036854775808"})")},
      {"double", Double(3.14)},
      {"doubleint", Double(1)},
      {"nan", Json(R"({"$numberDouble": "NaN"})"), R"({"$numberDouble": "NaN"})"},
      {"inf", Json(R"({"$numberDouble": "Infinity"})"), R"({"$numberDouble": "Infinity"})"},
      {"-inf", Json(R"({"$numberDouble": "-Infinity"})"), R"({"$numberDouble": "-Infinity"})"},
      {"-0.0", Double(-0.0)},
      {"dbl_big", Double(1e300)},
      {"dbl_small", Double(5e-324)},
      {"dbl_1e7", Double(1e7)},
      {"dbl_1e-3", Double(1e-3)},
      {"dbl_1e-4", Double(1e-4)},
      {"dbl_123456789.125", Double(123456789.125)},
      {"dbl_max", Double(1.7976931348623157e308)},
      {"dbl_0.1+0.2", Double(0.1 + 0.2)},
      {"str", Text("hello")},
      {"str_unicode", Text("héllo ☃ 日本 😀 \u00a0 \u2028 \u2029 \ufeff")},
      {"str_escapes", Text("q\" bs\\ sl/ nl\n cr\r tab\t bs\b ff\f <>&'"), "",
       R"("q\" bs\\ sl/ nl\n cr\r tab\t bs\b ff\u000c <>&'")"},
      {"str_ctrl", Text("\x01\x02\x1f\x7f\u0080\u009f"), "",
       "\"\\u0001\\u0002\\u001f\x7f\u0080\u009f\""},
      {"str_nul", Text({"a\0b", 3}), "", R"("a\u0000b")"},
      {"str_empty", Text("")},
      {"true", Json("true")},
      {"false", Json("false")},
      {"null", Json("null")},
      {"oid", Json(R"({"$oid": "5f0000000000000000000001"})")},
      {"date", Date("1600000000123")},
      {"date_epoch", Date("0")},
      {"date_neg", Date("-1")},
      {"date_old", Date("-62135596800001")},
      {"date_far", Date("253402300800000")},
      {"date_max", Date("9223372036854775807")},
      {"date_min", Date("-9223372036854775808")},
      {"date_9999", Date("253402300799999")},
      {"ts", Builder().Time("v", {1600000000, 7}).Build(), "",
       R"({"$timestamp": {"t": 1600000000,"i": 7}})"},
      {"ts_max", Builder().Time("v", {4294967295, 4294967295}).Build(), "",
       R"({"$timestamp": {"t": 4294967295,"i": 4294967295}})"},
      {"ts_2^31", Builder().Time("v", {2147483648, 1}).Build(), "",
       R"({"$timestamp": {"t": 2147483648,"i": 1}})"},
      {"dec_0", Decimal("0")},
      {"dec_1", Decimal("1")},
      {"dec_-1.5", Decimal("-1.5")},
      {"dec_1E+3", Decimal("1E+3")},
      {"dec_1.000", Decimal("1.000")},
      {"dec_NaN", Decimal("NaN")},
      {"dec_Infinity", Decimal("Infinity")},
      {"dec_-Infinity", Decimal("-Infinity")},
      {"dec_-0", Decimal("-0")},
      {"dec_9.999999999999999999999999999999999E+6144",
       Decimal("9.999999999999999999999999999999999E+6144")},
      {"dec_1E-6176", Decimal("1E-6176")},
      {"dec_0E-6176", Decimal("0E-6176")},
      {"dec_123456789012345678901234567890.1234", Decimal("123456789012345678901234567890.1234")},
      {"bin_0", Binary("AAH/", "00")},
      {"bin_0", Binary("", "00")},
      {"bin_1", Binary("ZnVuYw==", "01")},
      {"bin_2", Binary("b2xk", "02")},
      {"bin_3", Binary("AAECAwQFBgcICQoLDA0ODw==", "03")},
      {"bin_4", Binary("AAECAwQFBgcICQoLDA0ODw==", "04"),
       R"({"$binary": "AAECAwQFBgcICQoLDA0ODw==","$type": "04"})"},
      {"bin_5", Binary("MDEyMzQ1Njc4OWFiY2RlZg==", "05")},
      {"bin_6", Binary("ZW5j", "06")},
      {"bin_128", Binary("dXNlcg==", "80")},
      {"bin_255", Binary("dTI1NQ==", "ff")},
      {"regex", Json(R"({"$regularExpression": {"pattern": "^a.*\"/b\\d$", "options": "imsx"}})"),
       "", R"({"$regex": "^a.*\"/b\\d$","$options": "imsx"})"},
      {"regex_noopt", Json(R"({"$regularExpression": {"pattern": "abc", "options": ""}})"), "",
       R"({"$regex": "abc","$options": ""})"},
      {"regex_empty", Json(R"({"$regularExpression": {"pattern": "", "options": ""}})"), "",
       R"({"$regex": "","$options": ""})"},
      {"js", Json(R"({"$code": "function() { return \"x\\n\"; }"})")},
      {"js_scope", Json(R"({"$code": "function() { return x; }",
                "$scope": {"x": 1, "s": {"y": {"$numberLong": "2"}}}})"),
       "",
       R"({"$code": "function() { return x; }","$scope": {"x": 1,"s": {"y": {"$numberLong": "2"}}}})"},
      {"js_scope_empty", Json(R"code({"$code": "f()", "$scope": {}})code"), "",
       R"code({"$code": "f()","$scope": {}})code"},
      {"minkey", Json(R"({"$minKey": 1})")},
      {"maxkey", Json(R"({"$maxKey": 1})")},
      {"empty_doc", Json("{}")},
      {"empty_arr", Json("[]")},
      {"nested", Json(R"({"a": {"b": {"c": [1, {"d": [[], [{}], [1, [2, [3]]]]}]}}})")},
      {"arr_mixed", Json(R"([1, {"$numberLong": "2"}, 3.0, "4", true, null,
                {"$oid": "5f0000000000000000000002"}, {"$date": {"$numberLong": "1577836800000"}},
                {"k": "v"}, [1, 2]])")},
      {"dbref", Json(std::string(kOrders) + R"({"$oid": "5f0000000000000000000003"}})")},
      {"dbref_db", Json(std::string(kOrders) + R"(5, "$db": "otherdb"})")},
      {"fieldnames", Json(R"({"a b": 1, "a.b": 2, "x$y": 3, "é☃": 4, "": 5, "\"q\"": 6,
                              "$inner": 7, "-d": 8, "0": 9, "a\nb": 10, "UPPER": 11, "__v": 12})")},
      {"ejson_like",
       Builder().OpenDocument("v").String("$oid", "5f0000000000000000000001").Close().Build()},
      {"ejson_like_date", Builder().OpenDocument("v").Int64("$date", 5).Close().Build()},
      {"long_str", Text(std::string(5000, 'x'))},
      {"int_arr", Ints(20)},
      {"surrogate_pair", Text("\U0001F600\U0010FFFF")},
      {"slash", Text("</script>/ \\/")},
      {"symbol", Json(R"({"$symbol": "a \"symbol\""})")},
      {"undefined", Json(R"({"$undefined": true})")},
      {"dbpointer",
       Json(
           R"({"$dbPointer": {"$ref": "wl.orders", "$id": {"$oid": "5f0000000000000000000004"}}})")},
      {"dup", Builder().Int32("v", 1).Int32("v", 2).Build(), R"(1,"v": 2)"},
  };
}

std::vector<Case> IdCases() {
  return {
      {"int32", Json("1")},
      {"int32neg", Json("-5")},
      {"int64", Json(R"({"$numberLong": "2"})")},
      {"int64big", Json(R"({"$numberLong": "9007199254740993"})")},
      {"double", Double(1.5)},
      {"double_int", Double(3)},
      {"double_nan", Json(R"({"$numberDouble": "NaN"})")},
      {"double_inf", Json(R"({"$numberDouble": "Infinity"})")},
      {"dbl_-0", Double(-0.0)},
      {"string", Text("abc")},
      {"str_quote", Text("a\"b\\c")},
      {"str_uni", Text("ключ☃😀")},
      {"str_empty", Text("")},
      {"str_ctrl", Text("a\n\t\x01"), "", R"("a\n\t\u0001")"},
      {"oid", Json(R"({"$oid": "5f000000000000000000000a"})")},
      {"doc", Json(R"({"a": 1, "b": {"c": "x"}})")},
      {"doc2", Json(R"({"b": 1, "a": {"$numberLong": "2"}})")},
      {"doc_empty", Json("{}")},
      {"uuid4", Binary("ABEiM0RVZneImaq7zN3u/w==", "04")},
      {"uuid3", Binary("ABEiM0RVZneImaq7zN3u/w==", "03")},
      {"bin0", Binary("AQI=", "00")},
      {"date", Date("1600000000123")},
      {"date_neg", Date("-1")},
      {"true", Json("true")},
      {"false", Json("false")},
      {"null", Json("null")},
      {"dec", Decimal("7.50")},
      {"dec_exp", Decimal("1E+3")},
      {"ts", Builder().Time("v", {1600000000, 1}).Build(), "",
       R"({"$timestamp": {"t": 1600000000,"i": 1}})"},
      {"minkey", Json(R"({"$minKey": 1})")},
      {"maxkey", Json(R"({"$maxKey": 1})")},
      {"code", Json(R"code({"$code": "f()"})code")},
      {"codews", Json(R"code({"$code": "g()", "$scope": {"a": 1}})code"), "",
       R"code({"$code": "g()","$scope": {"a": 1}})code"},
      {"dbref", Json(R"({"$ref": "c", "$id": {"$oid": "5f000000000000000000000b"}})")},
      {"regex_refused", Json(R"({"$regularExpression": {"pattern": "a", "options": ""}})"), "",
       R"({"$regex": "a","$options": ""})"},
      {"array_refused", Json("[1]")},
      {"symbol", Json(R"({"$symbol": "sym"})")},
  };
}

struct Row {
  std::string name;
  std::string key;
  std::string value;
};

// The rows of one kind: `KIND NAME | KEY | VALUE`.
std::vector<Row> Rows(std::string_view kind) {
  std::vector<Row> rows;
  std::ifstream lines(RENDERING_TXT);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(std::string(kind) + " ")) continue;
    const size_t name_end = line.find(" | ");
    const size_t key_end = kind == "after" ? name_end + 3 : line.rfind(" | ");
    rows.push_back({line.substr(kind.size() + 1, name_end - kind.size() - 1),
                    line.substr(name_end + 3, key_end - name_end - 3), line.substr(key_end + 3)});
  }
  return rows;
}

// Every case must need its deviation, so that none is left in the table without use.
void ExpectRendered(const std::string& rendered, const std::string& debezium, std::string_view ours,
                    std::string_view name) {
  if (ours.empty()) {
    EXPECT_EQ(rendered, debezium) << name;
  } else {
    EXPECT_EQ(rendered, ours) << name;
    EXPECT_NE(rendered, debezium) << name;
  }
}

TEST(RenderingTest, WritesEveryTypeInValuesAsDebeziumOrAsSaid) {
  const std::vector<Row> rows = Rows("after");
  const std::vector<Case> cases = Cases();
  ASSERT_EQ(rows.size(), cases.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].name, cases[i].name);
    // The row's document is {_id, t, v: <the value>}.
    const std::string& row = rows[i].value;
    const std::string debezium = "{" + row.substr(row.find("\"v\": "));
    const std::string ours = cases[i].ours_in_values.empty()
                                 ? ""
                                 : "{\"v\": " + std::string(cases[i].ours_in_values) + "}";
    ExpectRendered(AsValue(cases[i].document.view()), debezium, ours, cases[i].name);
  }
}

TEST(RenderingTest, WritesEveryTypeInsideAnIdAsDebeziumOrAsSaid) {
  const std::vector<Row> rows = Rows("idnested");
  const std::vector<Case> cases = Cases();
  ASSERT_EQ(rows.size(), cases.size() - 4);
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].name, cases[i].name);
    // The row's _id is {v: <the value>}.
    const Document id = Builder().SubDocument("_id", cases[i].document).Build();
    const std::string ours = cases[i].ours_in_keys.empty()
                                 ? ""
                                 : "{ \"v\" : " + std::string(cases[i].ours_in_keys) + "}";
    ExpectRendered(AsKey(*id.view().Find("_id")), rows[i].key, ours, cases[i].name);
  }
}

TEST(RenderingTest, WritesEveryTypeAsAnIdAsDebeziumOrAsSaid) {
  const std::vector<Row> rows = Rows("id");
  const std::vector<Case> cases = IdCases();
  ASSERT_EQ(rows.size(), cases.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].name, cases[i].name);
    ExpectRendered(AsKey(*cases[i].document.view().Find("v")), rows[i].key, cases[i].ours_in_keys,
                   cases[i].name);
  }
}

}  // namespace
}  // namespace shardtail::encoding
