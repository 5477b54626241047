#include "mongo/bson_compare.h"

#include <bson/bson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

namespace shardtail::bson {
namespace {

// canonicalizeBSONType() in the server's src/mongo/bson/bsontypes.h.
int CanonicalType(Type type) {
  switch (type) {
    case Type::kMinKey:
      return -1;
    case Type::kUndefined:
      return 0;
    case Type::kNull:
      return 5;
    case Type::kDouble:
    case Type::kInt32:
    case Type::kInt64:
    case Type::kDecimal128:
      return 10;
    case Type::kString:
    case Type::kSymbol:
      return 15;
    case Type::kDocument:
      return 20;
    case Type::kArray:
      return 25;
    case Type::kBinary:
      return 30;
    case Type::kObjectId:
      return 35;
    case Type::kBool:
      return 40;
    case Type::kDate:
      return 45;
    case Type::kTimestamp:
      return 47;
    case Type::kRegex:
      return 50;
    case Type::kDbPointer:
      return 55;
    case Type::kCode:
      return 60;
    case Type::kCodeWithScope:
      return 65;
    case Type::kMaxKey:
      return 127;
  }
  return 127;
}

std::weak_ordering CompareBytes(std::string_view a, std::string_view b) { return a <=> b; }

std::string_view Raw(const Element& element) {
  return {reinterpret_cast<const char*>(element.value), element.value_size};
}

// A finite number or an infinity as sign * 0.digits * 10^exponent, exactly: no leading or trailing
// zeros in `digits`, none at all for zero.
struct Number {
  int sign = 0;
  int exponent = 0;
  std::string digits;
};

constexpr int kInfiniteExponent = std::numeric_limits<int>::max();

// Of `[-]123.45[E[+-]678]`, `[-]Infinity`.
Number FromText(std::string_view text) {
  Number number;
  number.sign = 1;
  if (text.starts_with('-')) {
    number.sign = -1;
    text.remove_prefix(1);
  }
  if (text.starts_with('I') || text.starts_with('i')) {
    number.exponent = kInfiniteExponent;
    return number;
  }
  int exponent = 0;
  if (const size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    text = text.substr(0, e);
  }
  const size_t point = std::min(text.find('.'), text.size());
  number.digits = text.substr(0, point);
  exponent += static_cast<int>(point);
  if (point < text.size()) number.digits += text.substr(point + 1);
  const size_t first = number.digits.find_first_not_of('0');
  if (first == std::string::npos) return {};
  number.digits.erase(0, first);
  number.digits.erase(number.digits.find_last_not_of('0') + 1);
  number.exponent = exponent - static_cast<int>(first);
  return number;
}

std::string DecimalText(const Element& element) {
  bson_decimal128_t decimal;
  decimal.low = Load<uint64_t>(element.value);
  decimal.high = Load<uint64_t>(element.value + 8);
  std::array<char, BSON_DECIMAL128_STRING> text;
  bson_decimal128_to_string(&decimal, text.data());
  return text.data();
}

Number ToNumber(const Element& element) {
  switch (element.type) {
    case Type::kDecimal128:
      return FromText(DecimalText(element));
    case Type::kDouble: {
      // No double has more than 767 significant digits, and the C library prints them exactly.
      std::array<char, 800> text;
      const int size = std::snprintf(text.data(), text.size(), "%.770e", element.AsDouble());
      return FromText({text.data(), static_cast<size_t>(size)});
    }
    default:
      return FromText(std::to_string(element.GetInteger().value_or(0)));
  }
}

bool IsNan(const Element& element) {
  if (element.type == Type::kDouble) return std::isnan(element.AsDouble());
  return element.type == Type::kDecimal128 && DecimalText(element) == "NaN";
}

std::weak_ordering CompareExactly(const Number& a, const Number& b) {
  if (a.sign != b.sign) return a.sign <=> b.sign;
  const Number& low = a.sign < 0 ? b : a;
  const Number& high = a.sign < 0 ? a : b;
  if (low.exponent != high.exponent) return low.exponent <=> high.exponent;
  return CompareBytes(low.digits, high.digits);
}

std::weak_ordering CompareNumbers(const Element& a, const Element& b) {
  const auto is_integer = [](const Element& element) {
    return element.type == Type::kInt32 || element.type == Type::kInt64;
  };
  if (is_integer(a) && is_integer(b)) return *a.GetInteger() <=> *b.GetInteger();
  const bool a_is_nan = IsNan(a);
  const bool b_is_nan = IsNan(b);
  if (a_is_nan || b_is_nan) return b_is_nan <=> a_is_nan;
  if (a.type == Type::kDouble && b.type == Type::kDouble) {
    if (a.AsDouble() == b.AsDouble()) return std::weak_ordering::equivalent;
    return a.AsDouble() < b.AsDouble() ? std::weak_ordering::less : std::weak_ordering::greater;
  }
  return CompareExactly(ToNumber(a), ToNumber(b));
}

// The end of a document comes before any element, MinKey and undefined among them.
std::weak_ordering CompareDocuments(View a, View b, bool names_count) {
  Reader a_reader(a);
  Reader b_reader(b);
  Element a_element;
  Element b_element;
  while (true) {
    const bool a_has = a_reader.Next(&a_element);
    const bool b_has = b_reader.Next(&b_element);
    if (!a_has || !b_has) return a_has <=> b_has;
    const int a_type = CanonicalType(a_element.type);
    const int b_type = CanonicalType(b_element.type);
    if (a_type != b_type) return a_type <=> b_type;
    if (names_count && a_element.name != b_element.name) {
      return CompareBytes(a_element.name, b_element.name);
    }
    if (const auto order = Compare(a_element, b_element); order != 0) return order;
  }
}

// A length, the code as a string, a document.
std::weak_ordering CompareCodeWithScope(const Element& a, const Element& b) {
  const auto code = [](const Element& element) {
    const uint32_t size = Load<uint32_t>(element.value + 4);
    return Raw(element).substr(8, size - 1);
  };
  const auto scope = [](const Element& element) {
    const uint32_t begin = 8 + Load<uint32_t>(element.value + 4);
    return View::Unchecked(element.value + begin, element.value_size - begin);
  };
  if (const auto order = CompareBytes(code(a), code(b)); order != 0) return order;
  return CompareDocuments(scope(a), scope(b), true);
}

// Two strings that end with a zero each; zero is less than any other byte, so they compare as one.
std::weak_ordering CompareRegexes(const Element& a, const Element& b) {
  return CompareBytes(Raw(a), Raw(b));
}

std::weak_ordering CompareBinaries(const Element& a, const Element& b) {
  if (a.value_size != b.value_size) return a.value_size <=> b.value_size;
  return CompareBytes(Raw(a).substr(4), Raw(b).substr(4));  // the subtype first
}

std::weak_ordering CompareDbPointers(const Element& a, const Element& b) {
  if (a.value_size != b.value_size) return a.value_size <=> b.value_size;
  return CompareBytes(Raw(a), Raw(b));
}

}  // namespace

std::weak_ordering Compare(const Element& a, const Element& b) {
  const int a_type = CanonicalType(a.type);
  const int b_type = CanonicalType(b.type);
  if (a_type != b_type) return a_type <=> b_type;
  switch (a.type) {
    case Type::kDouble:
    case Type::kInt32:
    case Type::kInt64:
    case Type::kDecimal128:
      return CompareNumbers(a, b);
    case Type::kString:
    case Type::kSymbol:
    case Type::kCode:
      return CompareBytes(a.AsString(), b.AsString());
    case Type::kDocument:
      return CompareDocuments(a.AsDocument(), b.AsDocument(), true);
    case Type::kArray:
      return CompareDocuments(a.AsDocument(), b.AsDocument(), false);
    case Type::kBinary:
      return CompareBinaries(a, b);
    case Type::kObjectId:
      return CompareBytes(Raw(a), Raw(b));
    case Type::kBool:
      return a.AsBool() <=> b.AsBool();
    case Type::kDate:
      return a.AsDateMillis() <=> b.AsDateMillis();
    case Type::kTimestamp:
      return a.AsTimestamp() <=> b.AsTimestamp();
    case Type::kRegex:
      return CompareRegexes(a, b);
    case Type::kDbPointer:
      return CompareDbPointers(a, b);
    case Type::kCodeWithScope:
      return CompareCodeWithScope(a, b);
    case Type::kUndefined:
    case Type::kNull:
    case Type::kMinKey:
    case Type::kMaxKey:
      return std::weak_ordering::equivalent;
  }
  return std::weak_ordering::equivalent;
}

}  // namespace shardtail::bson
