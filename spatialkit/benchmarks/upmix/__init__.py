"""Benchmark of upmixers on scenes with known directions and ambience."""

from spatialkit.benchmarks.upmix.measures import gating_depth, level_pumping, log_kurtosis_ratio
from spatialkit.benchmarks.upmix.report import BenchmarkRow, UpmixBenchmark
from spatialkit.benchmarks.upmix.runner import benchmark_upmixers, write_upmix_stimuli

__all__ = [
    "BenchmarkRow",
    "UpmixBenchmark",
    "benchmark_upmixers",
    "gating_depth",
    "level_pumping",
    "log_kurtosis_ratio",
    "write_upmix_stimuli",
]
