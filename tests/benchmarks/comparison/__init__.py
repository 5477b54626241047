"""The parts of tests/benchmarks/compare."""
