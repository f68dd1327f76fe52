"""Benchmark of upmixers on scenes with known directions and ambience."""

from typing import TYPE_CHECKING, Any

from spatialkit.plugins import lazy_attribute
from spatialkit.upmixing.benchmark.defaults import SECONDS, SEED

if TYPE_CHECKING:  # at run time `__getattr__` imports these
    from spatialkit.upmixing.benchmark.measures import (
        gating_depth,
        level_pumping,
        log_kurtosis_ratio,
    )
    from spatialkit.upmixing.benchmark.report import BenchmarkRow, UpmixBenchmark
    from spatialkit.upmixing.benchmark.runner import benchmark_upmixers

__all__ = [
    "SECONDS",
    "SEED",
    "BenchmarkRow",
    "UpmixBenchmark",
    "benchmark_upmixers",
    "gating_depth",
    "level_pumping",
    "log_kurtosis_ratio",
]


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, ("report", "runner", "measures"))
