"""Benchmark of upmixers on scenes with known directions and ambience."""

from spatialkit.upmixing.benchmark.report import BenchmarkRow, UpmixBenchmark
from spatialkit.upmixing.benchmark.runner import benchmark_upmixers

__all__ = [
    "BenchmarkRow",
    "UpmixBenchmark",
    "benchmark_upmixers",
]
