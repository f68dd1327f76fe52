"""Benchmark of upmixers on scenes with known directions and ambience."""

from spatialkit.upmixing.benchmark.report import BenchmarkRow, UpmixBenchmark
from spatialkit.upmixing.benchmark.runner import SECONDS, SEED, benchmark_upmixers

__all__ = [
    "SECONDS",
    "SEED",
    "BenchmarkRow",
    "UpmixBenchmark",
    "benchmark_upmixers",
]
