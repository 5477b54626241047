#include "monitoring/families.h"

#include <prometheus/text_serializer.h>

#include <limits>
#include <sstream>

namespace shardtail::monitoring {

using prometheus::ClientMetric;
using prometheus::MetricType;

ClientMetric& Families::Add(std::string_view name, std::string_view help, MetricType type,
                            const Labels& labels) {
  const auto [found, is_new] = by_name_.try_emplace(std::string(name), families_.size());
  if (is_new) {
    families_.push_back(
        {.name = std::string(name), .help = std::string(help), .type = type, .metric = {}});
  }
  ClientMetric& metric = families_[found->second].metric.emplace_back();
  for (const auto& [label, value] : labels) {
    metric.label.push_back({.name = label, .value = value});
  }
  return metric;
}

void Families::Counter(std::string_view name, std::string_view help, const Labels& labels,
                       double value) {
  Add(name, help, MetricType::Counter, labels).counter.value = value;
}

void Families::Gauge(std::string_view name, std::string_view help, const Labels& labels,
                     double value) {
  Add(name, help, MetricType::Gauge, labels).gauge.value = value;
}

void Families::Untyped(std::string_view name, std::string_view help, const Labels& labels,
                       double value) {
  Add(name, help, MetricType::Untyped, labels).untyped.value = value;
}

void Families::Histogram(std::string_view name, std::string_view help, const Labels& labels,
                         const metrics::Histogram& histogram, double unit) {
  ClientMetric::Histogram& to = Add(name, help, MetricType::Histogram, labels).histogram;
  uint64_t count = 0;
  for (size_t i = 0; i <= histogram.bounds().size(); ++i) {
    count += static_cast<uint64_t>(histogram.bucket(i));
    const double bound = i == histogram.bounds().size()
                             ? std::numeric_limits<double>::infinity()
                             : static_cast<double>(histogram.bounds()[i]) * unit;
    to.bucket.push_back({.cumulative_count = count, .upper_bound = bound});
  }
  to.sample_count = count;
  to.sample_sum = static_cast<double>(histogram.sum()) * unit;
}

std::string Families::Text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families_);
  return std::move(out).str();
}

}  // namespace shardtail::monitoring
