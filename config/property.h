#ifndef SHARDTAIL_CONFIG_PROPERTY_H_
#define SHARDTAIL_CONFIG_PROPERTY_H_

#include <fmt/format.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/regex.h"
#include "config/configuration.h"
#include "config/values.h"
#include "kafka/options.h"

namespace shardtail::config {

// What giving a property does.
enum class Effect {
  kImplemented,
  kNone,     // accepted and checked; the user is told why nothing comes of it
  kRefused,  // any other value than the default's is a mistake, until shardtail can do it
};

// Puts the value of the property `name` where it belongs. The error says what is wrong with the
// value; several mistakes stand one a line.
using Reader = std::function<absl::Status(std::string_view name, const std::string& value,
                                          Configuration& into)>;

// One line of the table: all that is known about a property.
struct Property {
  std::string name;  // one that ends in `*` is a family: all names that begin so
  std::string type;
  std::string default_text;
  std::string
      help;  // what it does; or why nothing comes of it; or why it is refused, and the remedy
  Effect effect = Effect::kImplemented;
  Reader read;
  std::vector<std::string> other_names;  // of earlier and later connectors

  bool IsFamily() const { return name.back() == '*'; }
  bool Matches(std::string_view written) const;

  Property AlsoNamed(std::vector<std::string> names) &&;
  Property WithDefault(std::string text) &&;
};

// Where a value is kept.
template <typename T>
using FieldOf = std::function<T&(Configuration&)>;

namespace internal {
inline mongo::ConnectionOptions& Part(Configuration& c, mongo::ConnectionOptions*) {
  return c.mongo;
}
inline filter::Options& Part(Configuration& c, filter::Options*) { return c.filter; }
inline encoding::Options& Part(Configuration& c, encoding::Options*) { return c.encoding; }
inline pipeline::Options& Part(Configuration& c, pipeline::Options*) { return c.pipeline; }
inline sink::Options& Part(Configuration& c, sink::Options*) { return c.sink; }
inline kafka::Options& Part(Configuration& c, kafka::Options*) { return c.sink.kafka; }
inline offsets::Options& Part(Configuration& c, offsets::Options*) { return c.offsets; }
inline signals::Options& Part(Configuration& c, signals::Options*) { return c.signals; }
inline topology::Options& Part(Configuration& c, topology::Options*) { return c.topology; }
inline http::Options& Part(Configuration& c, http::Options*) { return c.http; }
inline monitoring::Options& Part(Configuration& c, monitoring::Options*) { return c.monitoring; }
inline base::LogOptions& Part(Configuration& c, base::LogOptions*) { return c.log; }
}  // namespace internal

// `Field(&filter::Options::skip_creates)`.
template <typename Options, typename T>
FieldOf<T> Field(T Options::*member) {
  return [member](Configuration& c) -> T& {
    return internal::Part(c, static_cast<Options*>(nullptr)).*member;
  };
}

// Properties by the type of their field, which also gives the default.
Property Boolean(std::string name, FieldOf<bool> field, std::string help);
Property Integer(std::string name, Range range, FieldOf<int> field, std::string help);
Property Integer(std::string name, Range range, FieldOf<int64_t> field, std::string help);
Property Milliseconds(std::string name, Range range, FieldOf<absl::Duration> field,
                      std::string help);
Property Text(std::string name, FieldOf<std::string> field, std::string help);
Property Secret(std::string name, FieldOf<std::string> field, std::string help);
Property Patterns(std::string name, FieldOf<std::vector<base::Regex>> field, std::string help);

// Takes the names that the family's star stands for, with their values.
Property Family(std::string name, FieldOf<kafka::Properties> field, std::string help);

// One of several words, in any case. The first is not special; the default is the field's.
template <typename E>
Property Choice(std::string name, std::vector<std::pair<std::string, E>> words, FieldOf<E> field,
                std::string help);

// A Java class that shardtail stands in for: `class_name`, or what Connect lets one write for it
// (the name without the package, and without its last word). `remedy` says what to do about another
// one.
Property JavaClass(std::string name, std::string class_name, std::string help, std::string remedy);

// Checked, but without effect: `why` tells the reason.
struct ValueType {
  std::string name;
  std::function<absl::Status(const std::string& value)> check;
};
ValueType AnyText();
ValueType AnyBoolean();
ValueType AnyInteger(Range range);
ValueType AnyMilliseconds(Range range);
Property WithoutEffect(std::string name, ValueType type, std::string default_text, std::string why);

// Only `accepted`, the default, is not a mistake; empty: no value at all. `why` names the remedy.
Property Refused(std::string name, std::string type, std::string accepted, std::string why);

template <typename E>
Property Choice(std::string name, std::vector<std::pair<std::string, E>> words, FieldOf<E> field,
                std::string help) {
  Configuration defaults;
  std::string type;
  std::string default_text;
  for (const auto& [word, value] : words) {
    type += fmt::format("{}`{}`", type.empty() ? "" : ", ", word);
    if (default_text.empty() && value == field(defaults)) default_text = word;
  }
  Property property{.name = std::move(name),
                    .type = std::move(type),
                    .default_text = std::move(default_text),
                    .help = std::move(help)};
  property.read = [words = std::move(words), field = std::move(field)](
                      std::string_view, const std::string& value, Configuration& into) {
    std::string known;
    for (const auto& [word, meaning] : words) {
      if (Lowered(Trimmed(value)) == word) {
        field(into) = meaning;
        return absl::OkStatus();
      }
      known += fmt::format("{}{}", known.empty() ? "" : ", ", word);
    }
    return absl::InvalidArgumentError(fmt::format("'{}' is not one of {}", value, known));
  };
  return property;
}

}  // namespace shardtail::config

#endif  // SHARDTAIL_CONFIG_PROPERTY_H_
