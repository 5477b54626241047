#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "monitoring/metric_groups.h"

namespace shardtail::monitoring {
namespace {

double OpenDescriptors() {
  DIR* const directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  double count = 0;
  while (const dirent* const entry = ::readdir(directory)) {  // NOLINT(concurrency-mt-unsafe)
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(directory);
  return count - 1;  // the directory's own
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// The n-th field of /proc/self/stat after the program's name, from 3 as in proc(5).
double StatField(int number) {
  std::ifstream file("/proc/self/stat");
  std::string stat((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= number; ++i) fields >> field;
  return field.empty() ? 0 : std::stod(field);
}

double BootTime() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

constexpr int kStartTime = 22;
constexpr int kResidentPages = 24;

}  // namespace

void AddProcessMetrics(Families& to) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  // It never changes.
  static const double start_time =
      BootTime() + StatField(kStartTime) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  to.Counter("process_cpu_seconds_total", "CPU time of the process.", {},
             Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  to.Gauge("process_resident_memory_bytes", "Memory of the process.", {},
           StatField(kResidentPages) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  to.Gauge("process_open_fds", "Open descriptors.", {}, OpenDescriptors());
  to.Gauge("process_max_fds", "The most of them.", {}, static_cast<double>(descriptors.rlim_cur));
  to.Gauge("process_start_time_seconds", "When it started, since the Unix epoch.", {}, start_time);
}

}  // namespace shardtail::monitoring
