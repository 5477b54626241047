// One oplog entry through decoder, field filter and encoder. Behind it, in the same bytes, the
// entries and the document that the decoder finds when it looks something up.

#include <algorithm>
#include <cctype>
#include <list>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "encoding/json_encoder.h"
#include "filter/document_form.h"
#include "filter/field_filter.h"
#include "metrics/tailer_metrics.h"
#include "mongo/bson.h"
#include "tailer/entry_decoder.h"
#include "tests/fuzz/finding.h"

namespace shardtail {
namespace {

class WhatFollows : public tailer::EntryLookup {
 public:
  void Add(bson::View document) { documents_.emplace_back(document.bytes()); }

  absl::StatusOr<bson::Document> Find(bson::Timestamp ts) override {
    for (const fuzz::OwnBytes& bytes : documents_) {
      const bson::View entry = *bson::View::Create(bytes.view());
      const auto found = tailer::EntryTimestamp(entry);
      if (found.ok() && *found == ts) return bson::Document(entry);
    }
    return absl::OutOfRangeError("no such entry");
  }
  absl::StatusOr<bson::Document> FindDocument(const event::Namespace& /*ns*/,
                                              const bson::Element& /*id*/,
                                              bson::Timestamp /*ts*/) override {
    if (documents_.empty()) return absl::NotFoundError("no such document");
    return bson::Document(*bson::View::Create(documents_.back().view()));
  }

 private:
  std::list<fuzz::OwnBytes> documents_;
};

filter::FieldFilter MakeFilter(const filter::Options& options) {
  auto made = filter::FieldFilter::Create(options);
  fuzz::Require(made.ok(), "a field filter", made.status().ToString());
  return *std::move(made);
}

const filter::FieldFilter& Exclusions() {
  static const auto& filter = *new filter::FieldFilter(MakeFilter(
      {.field_exclude = {"*.*.secret", "*.*.a.secret", "*.*.a.0.b", "*.*.list.x.y", "*.*.qty"}}));
  return filter;
}

const filter::FieldFilter& ExclusionsAndRenames() {
  static const auto& filter = *new filter::FieldFilter(
      MakeFilter({.field_exclude = {"*.*.secret", "*.*.a.c"},
                  .field_renames = {"*.*.a:b", "*.*.a.b:c", "*.*.b:name", "*.*.list.x:z"}}));
  return filter;
}

bool IsWhole(bson::View document) { return bson::Validate(document).ok(); }

bool HaveSameForm(bson::View one, bson::View other) {
  const auto form = filter::DocumentForm::Of(one);
  const auto other_form = filter::DocumentForm::Of(other);
  return form.ok() && other_form.ok() && form->has_operands() == other_form->has_operands() &&
         form->is_patch() == other_form->is_patch();
}

// A second pass finds nothing that the first one left, unless the fields that are gone make another
// kind of document of it (operators without a field beside them).
void RequireNothingLeft(const filter::FieldFilter::Rules& rules, bson::View document) {
  bson::Builder first;
  bson::Builder second;
  const auto once = rules.Apply(document, first);
  if (!once.ok()) return;
  fuzz::Require(IsWhole(*once) || !IsWhole(document), "whole BSON from whole BSON",
                bson::ToDebugString(document));
  if (!HaveSameForm(document, *once)) return;
  const auto twice = rules.Apply(*once, second);
  fuzz::Require(twice.ok() && twice->bytes() == once->bytes(), "without the excluded fields");
}

bool IsTopicCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
}

void Encode(const encoding::JsonEncoder& encoder, const event::ChangeEvent& event) {
  const encoding::CollectionTemplate collection = encoder.MakeTemplate(event.ns, "rs0");
  fuzz::Require(std::ranges::all_of(collection.topic, IsTopicCharacter), "a topic's name",
                collection.topic);
  std::string key;
  std::string value;
  const absl::Status status = encoder.Encode(event, collection, 1600000000123, &key, &value);
  if (!status.ok()) {
    fuzz::Require(absl::IsDataLoss(status), "data loss", status.ToString());
    return;
  }
  fuzz::RequireJson(key, "a key in JSON");
  fuzz::RequireJson(value, "a value in JSON");
}

// As the pipeline's Publisher does it: what cannot be filtered is not published.
absl::Status Publish(event::ChangeEvent event) {
  static const encoding::JsonEncoder v2({.logical_name = "shop", .connector_version = "1.3.1"});
  static const encoding::JsonEncoder v1({.logical_name = "shop",
                                         .key_schema = false,
                                         .value_schema = false,
                                         .source_version = encoding::SourceVersion::kV1});
  Encode(v2, event);
  const auto exclusions = Exclusions().ForCollection(event.ns);
  for (const bson::View document : {event.document, event.filter}) {
    if (document.present()) RequireNothingLeft(exclusions, document);
  }
  const auto rules = ExclusionsAndRenames().ForCollection(event.ns);
  bson::Builder document;
  bson::Builder filter;
  for (auto [view, builder] : {std::pair(&event.document, &document), {&event.filter, &filter}}) {
    if (!view->present()) continue;
    const auto filtered = rules.Apply(*view, *builder);
    if (!filtered.ok()) return filtered.status();
    *view = *filtered;
  }
  Encode(v1, event);
  return absl::OkStatus();
}

}  // namespace
}  // namespace shardtail

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  shardtail::base::ConfigureLog({.level = shardtail::base::LogLevel::kError});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardtail;  // NOLINT(google-build-using-namespace)
  std::string_view left(reinterpret_cast<const char*>(data), size);
  const auto first = bson::View::Create(left);
  if (!first.ok()) return 0;
  const fuzz::OwnBytes entry(first->bytes());
  left.remove_prefix(first->size());
  WhatFollows lookup;
  for (auto next = bson::View::Create(left); next.ok(); next = bson::View::Create(left)) {
    lookup.Add(*next);
    left.remove_prefix(next->size());
  }
  metrics::TailerMetrics metrics;
  tailer::EntryDecoder decoder(lookup, metrics);
  const absl::Status status = decoder.Decode(*bson::View::Create(entry.view()), Publish);
  fuzz::Require(status.ok() || absl::IsDataLoss(status) || absl::IsOutOfRange(status),
                "decoded, data loss, or too old", status.ToString());
  return 0;
}
