#ifndef SHARDTAIL_MONITORING_FAMILIES_H_
#define SHARDTAIL_MONITORING_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/histogram.h"

namespace shardtail::monitoring {

// Metrics of one scrape, gathered in any order and written family by family.
class Families {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  void Counter(std::string_view name, std::string_view help, const Labels& labels, double value);
  void Gauge(std::string_view name, std::string_view help, const Labels& labels, double value);
  void Untyped(std::string_view name, std::string_view help, const Labels& labels, double value);
  // `unit` by that the histogram's whole numbers are multiplied, such as 0.001 for milliseconds.
  void Histogram(std::string_view name, std::string_view help, const Labels& labels,
                 const metrics::Histogram& histogram, double unit);

  // In Prometheus' text format, version 0.0.4.
  std::string Text() const;

 private:
  prometheus::ClientMetric& Add(std::string_view name, std::string_view help,
                                prometheus::MetricType type, const Labels& labels);

  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string, size_t, std::less<>> by_name_;
};

}  // namespace shardtail::monitoring

#endif  // SHARDTAIL_MONITORING_FAMILIES_H_
