#include "kafka/translation.h"

#include <fmt/format.h>

namespace shardtail::kafka {

void Translation::Note(const NamedValue& property, std::string_view text) {
  notes.push_back(fmt::format("{}: {}", property.written_name, text));
}

void Translation::Error(const NamedValue& property, std::string_view text) {
  errors.push_back(fmt::format("{}: {}", property.written_name, text));
}

}  // namespace shardtail::kafka
