#ifndef SHARDTAIL_TESTS_BENCHMARKS_ITERATIONS_H_
#define SHARDTAIL_TESTS_BENCHMARKS_ITERATIONS_H_

#include <benchmark/benchmark.h>

#include <cstdlib>

namespace shardtail {

// For `->Apply()`: exactly as many iterations as SHARDTAIL_ITERATIONS in the environment says, so
// that tools/check-instructions can count what one takes. Without it the library chooses.
inline void CountedIterations(benchmark::internal::Benchmark* benchmark) {
  if (const char* count = std::getenv("SHARDTAIL_ITERATIONS")) {
    benchmark->Iterations(std::atoll(count));
  }
}

}  // namespace shardtail

#endif  // SHARDTAIL_TESTS_BENCHMARKS_ITERATIONS_H_
