#include "config/property.h"

namespace shardtail::config {
namespace {

std::string TypeText(std::string_view unit, Range range) {
  if (range.highest < kLargestInt) {
    return fmt::format("{}, {} to {}", unit, range.lowest, range.highest);
  }
  return fmt::format("{}, {} or more", unit, range.lowest);
}

absl::Status CheckInteger(const std::string& value, Range range) {
  return ParseInteger(value, range).status();
}

Property IntegerInto(std::string name, Range range, int64_t default_value,
                     std::function<void(int64_t, Configuration&)> put, std::string help) {
  Property property{.name = std::move(name),
                    .type = TypeText("integer", range),
                    .default_text = fmt::format("{}", default_value),
                    .help = std::move(help)};
  property.read = [range, put = std::move(put)](std::string_view, const std::string& value,
                                                Configuration& into) {
    const absl::StatusOr<int64_t> parsed = ParseInteger(value, range);
    if (parsed.ok()) put(*parsed, into);
    return parsed.status();
  };
  return property;
}

}  // namespace

bool Property::Matches(std::string_view written) const {
  if (!IsFamily()) return written == name;
  const std::string_view start = std::string_view(name).substr(0, name.size() - 1);
  return written.size() > start.size() && written.starts_with(start);
}

Property Property::AlsoNamed(std::vector<std::string> names) && {
  other_names = std::move(names);
  return std::move(*this);
}

Property Property::WithDefault(std::string text) && {
  default_text = std::move(text);
  return std::move(*this);
}

Property Boolean(std::string name, FieldOf<bool> field, std::string help) {
  Configuration defaults;
  Property property{.name = std::move(name),
                    .type = "boolean",
                    .default_text = field(defaults) ? "true" : "false",
                    .help = std::move(help)};
  property.read = [field = std::move(field)](std::string_view, const std::string& value,
                                             Configuration& into) {
    const absl::StatusOr<bool> parsed = ParseBoolean(value);
    if (parsed.ok()) field(into) = *parsed;
    return parsed.status();
  };
  return property;
}

Property Integer(std::string name, Range range, FieldOf<int> field, std::string help) {
  Configuration defaults;
  const int64_t default_value = field(defaults);
  return IntegerInto(
      std::move(name), range, default_value,
      [field = std::move(field)](int64_t value, Configuration& into) {
        field(into) = static_cast<int>(value);
      },
      std::move(help));
}

Property Integer(std::string name, Range range, FieldOf<int64_t> field, std::string help) {
  Configuration defaults;
  const int64_t default_value = field(defaults);
  return IntegerInto(
      std::move(name), range, default_value,
      [field = std::move(field)](int64_t value, Configuration& into) { field(into) = value; },
      std::move(help));
}

Property Milliseconds(std::string name, Range range, FieldOf<absl::Duration> field,
                      std::string help) {
  Configuration defaults;
  Property property{.name = std::move(name),
                    .type = TypeText("milliseconds", range),
                    .default_text = fmt::format("{}", absl::ToInt64Milliseconds(field(defaults))),
                    .help = std::move(help)};
  property.read = [range, field = std::move(field)](std::string_view, const std::string& value,
                                                    Configuration& into) {
    const absl::StatusOr<int64_t> parsed = ParseInteger(value, range);
    if (parsed.ok()) field(into) = absl::Milliseconds(*parsed);
    return parsed.status();
  };
  return property;
}

Property Text(std::string name, FieldOf<std::string> field, std::string help) {
  Configuration defaults;
  Property property{.name = std::move(name),
                    .type = "string",
                    .default_text = field(defaults),
                    .help = std::move(help)};
  property.read = [field = std::move(field)](std::string_view, const std::string& value,
                                             Configuration& into) {
    field(into) = Trimmed(value);
    return absl::OkStatus();
  };
  return property;
}

Property Secret(std::string name, FieldOf<std::string> field, std::string help) {
  Property property{.name = std::move(name), .type = "password", .help = std::move(help)};
  // Not trimmed: a blank may belong to it.
  property.read = [field = std::move(field)](std::string_view, const std::string& value,
                                             Configuration& into) {
    field(into) = value;
    return absl::OkStatus();
  };
  return property;
}

Property Patterns(std::string name, FieldOf<std::vector<base::Regex>> field, std::string help) {
  Property property{
      .name = std::move(name), .type = "regular expressions", .help = std::move(help)};
  property.read = [field = std::move(field)](std::string_view, const std::string& value,
                                             Configuration& into) {
    absl::StatusOr<std::vector<base::Regex>> patterns = ParsePatterns(value);
    if (!patterns.ok()) return patterns.status();
    field(into) = *std::move(patterns);
    return absl::OkStatus();
  };
  return property;
}

Property Family(std::string name, FieldOf<kafka::Properties> field, std::string help) {
  Property property{.name = std::move(name), .type = "string", .help = std::move(help)};
  const size_t prefix = property.name.size() - 1;
  property.read = [prefix, field = std::move(field)](
                      std::string_view written, const std::string& value, Configuration& into) {
    field(into)[std::string(written.substr(prefix))] = Trimmed(value);
    return absl::OkStatus();
  };
  return property;
}

Property JavaClass(std::string name, std::string class_name, std::string help, std::string remedy) {
  Property property{.name = std::move(name),
                    .type = "class",
                    .default_text = class_name,
                    .help = std::move(help)};
  property.read = [class_name = std::move(class_name), remedy = std::move(remedy)](
                      std::string_view, const std::string& value, Configuration&) {
    const std::string simple = class_name.substr(class_name.rfind('.') + 1);
    const std::string alias = simple.substr(0, simple.find_last_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    const std::string_view given = Trimmed(value);
    // Debezium Server writes its formats in lower case.
    if (given == class_name || given == simple || Lowered(given) == Lowered(alias)) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(fmt::format("'{}' is not there; {}", given, remedy));
  };
  return property;
}

ValueType AnyText() {
  return {"string", [](const std::string&) { return absl::OkStatus(); }};
}

ValueType AnyBoolean() {
  return {"boolean", [](const std::string& value) { return ParseBoolean(value).status(); }};
}

ValueType AnyInteger(Range range) {
  return {TypeText("integer", range),
          [range](const std::string& value) { return CheckInteger(value, range); }};
}

ValueType AnyMilliseconds(Range range) {
  return {TypeText("milliseconds", range),
          [range](const std::string& value) { return CheckInteger(value, range); }};
}

Property WithoutEffect(std::string name, ValueType type, std::string default_text,
                       std::string why) {
  Property property{.name = std::move(name),
                    .type = std::move(type.name),
                    .default_text = std::move(default_text),
                    .help = std::move(why),
                    .effect = Effect::kNone};
  property.read = [check = std::move(type.check)](std::string_view, const std::string& value,
                                                  Configuration&) { return check(value); };
  return property;
}

Property Refused(std::string name, std::string type, std::string accepted, std::string why) {
  Property property{.name = std::move(name),
                    .type = std::move(type),
                    .default_text = std::move(accepted),
                    .help = std::move(why),
                    .effect = Effect::kRefused};
  property.read = [accepted = property.default_text, why = property.help](
                      std::string_view, const std::string& value, Configuration&) {
    if (Lowered(Trimmed(value)) == accepted) return absl::OkStatus();
    return absl::InvalidArgumentError(why);
  };
  return property;
}

}  // namespace shardtail::config
