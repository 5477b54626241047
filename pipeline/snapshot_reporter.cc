#include "pipeline/snapshot_reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace shardtail::pipeline {
namespace {

constexpr absl::Duration kLinePeriod = absl::Seconds(10);
constexpr absl::Duration kDrawPeriod = absl::Milliseconds(500);

// More collections under way at once are a number.
constexpr size_t kMostShown = 8;

bool IsUnderWay(const CollectionCount& count) { return !count.complete && count.documents > 0; }

std::string Percent(const CollectionCount& count) {
  if (!count.estimate.has_value() || *count.estimate <= 0) return "";
  return fmt::format("{}%", std::min<int64_t>(count.documents * 100 / *count.estimate, 99));
}

// `1 h 5 min`: nobody needs it exactly.
std::string Left(int64_t documents, double rate) {
  if (rate <= 0) return "";
  const auto seconds = static_cast<int64_t>(static_cast<double>(documents) / rate) + 1;
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

// With the words around a number that is known only sometimes.
std::string Known(std::string_view before, const std::string& known, std::string_view after) {
  return known.empty() ? "" : fmt::format("{}{}{}", before, known, after);
}

}  // namespace

struct SnapshotReporter::Total {
  int64_t documents = 0;
  std::optional<int64_t> estimate = 0;
  size_t complete = 0;
  std::string left;
  double rate = 0;
};

SnapshotReporter::SnapshotReporter(std::string replica_set, base::Clock& clock)
    : replica_set_(std::move(replica_set)),
      clock_(clock),
      reported_(clock.Monotonic()),
      since_(reported_) {}

SnapshotReporter::~SnapshotReporter() { base::ShowStatus(replica_set_, {}); }

bool SnapshotReporter::Due() const {
  return clock_.Monotonic() - reported_ >= (base::ShowsStatus() ? kDrawPeriod : kLinePeriod);
}

void SnapshotReporter::Report(std::span<const CollectionCount> counts) {
  if (base::ShowsStatus()) {
    base::ShowStatus(replica_set_, Lines(counts));
  } else {
    base::LogInfo("{}", Line(counts));
  }
}

double SnapshotReporter::Rate(const std::string& ns, int64_t documents) const {
  const double seconds = absl::ToDoubleSeconds(clock_.Monotonic() - since_);
  const auto before = before_.find(ns);
  const int64_t had = before == before_.end() ? 0 : before->second;
  return seconds > 0 ? static_cast<double>(documents - had) / seconds : 0;
}

SnapshotReporter::Total SnapshotReporter::Sum(std::span<const CollectionCount> counts) const {
  Total total;
  int64_t rest = 0;
  for (const CollectionCount& count : counts) {
    total.documents += count.documents;
    if (count.complete) {
      ++total.complete;
      if (total.estimate.has_value()) *total.estimate += count.documents;
    } else if (!count.estimate.has_value()) {
      total.estimate.reset();
    } else if (total.estimate.has_value()) {
      *total.estimate += std::max(*count.estimate, count.documents);
      rest += std::max<int64_t>(*count.estimate - count.documents, 0);
    }
  }
  total.rate = Rate("", total.documents);
  if (total.estimate.has_value()) total.left = Left(rest, total.rate);
  return total;
}

void SnapshotReporter::Remember(std::span<const CollectionCount> counts) {
  reported_ = since_ = clock_.Monotonic();
  before_.clear();
  for (const CollectionCount& count : counts) {
    before_[""] += count.documents;
    if (IsUnderWay(count)) before_[count.ns] = count.documents;
  }
}

std::string SnapshotReporter::Line(std::span<const CollectionCount> counts) {
  const Total total = Sum(counts);
  std::string under_way;
  size_t shown = 0;
  for (const CollectionCount& count : counts) {
    if (!IsUnderWay(count) || ++shown > kMostShown) continue;
    under_way += fmt::format("{} {}{}", shown == 1 ? "; now" : ",", count.ns,
                             Known(" ", Percent(count), ""));
  }
  if (shown > kMostShown) under_way += fmt::format(" and {} more", shown - kMostShown);
  std::string line =
      fmt::format("snapshot: {} of {} collections, {}{} documents, {:.0f} a second{}{}",
                  total.complete, counts.size(), total.documents,
                  total.estimate.has_value() ? fmt::format(" of about {}", *total.estimate) : "",
                  total.rate, Known(", about ", total.left, " left"), under_way);
  Remember(counts);
  return line;
}

std::vector<std::string> SnapshotReporter::Lines(std::span<const CollectionCount> counts) {
  std::vector<std::string> lines;
  size_t under_way = 0;
  for (const CollectionCount& count : counts) {
    if (!IsUnderWay(count) || ++under_way > kMostShown) continue;
    const double rate = Rate(count.ns, count.documents);
    const int64_t rest = std::max<int64_t>(count.estimate.value_or(0) - count.documents, 0);
    lines.push_back(fmt::format("  {:<32} {:>12} {:>4} {:>9.0f}/s  {}", count.ns, count.documents,
                                Percent(count), rate,
                                count.estimate.has_value() ? Left(rest, rate) : ""));
  }
  if (under_way > kMostShown) lines.push_back(fmt::format("  and {} more", under_way - kMostShown));
  const Total total = Sum(counts);
  lines.push_back(
      fmt::format("{}: snapshot of {} collections, {} done, {} documents{}, {:.0f}/s{}",
                  replica_set_, counts.size(), total.complete, total.documents,
                  total.estimate.has_value() ? fmt::format(" of about {}", *total.estimate) : "",
                  total.rate, Known(", ", total.left, " left")));
  Remember(counts);
  return lines;
}

}  // namespace shardtail::pipeline
