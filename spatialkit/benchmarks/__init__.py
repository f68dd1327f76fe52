"""Benchmarks: systems of any origin on common stimuli, with results, statistics and versions."""

from typing import TYPE_CHECKING, Any

from spatialkit.benchmarks.defaults import DEFAULT_TIMEOUT, SCENES, SECONDS, SEED
from spatialkit.plugins import lazy_attribute

if TYPE_CHECKING:  # at run time `__getattr__` imports these
    from spatialkit.benchmarks.binaural import benchmark_binaural, binaural_methods
    from spatialkit.benchmarks.foa import benchmark_foa, foa_methods
    from spatialkit.benchmarks.results import Benchmark, Row, Summary, summarize
    from spatialkit.benchmarks.runner import Example, Trial, run_benchmark, versions
    from spatialkit.benchmarks.systems import (
        PROGRAMS,
        Program,
        StimulusWriter,
        System,
        as_systems,
        command_system,
        estimates_system,
        fingerprint,
        named_value,
    )
    from spatialkit.benchmarks.upmix import (
        BenchmarkRow,
        UpmixBenchmark,
        benchmark_upmixers,
        gating_depth,
        level_pumping,
        log_kurtosis_ratio,
        write_upmix_stimuli,
    )

__all__ = [
    "DEFAULT_TIMEOUT",
    "PROGRAMS",
    "SCENES",
    "SECONDS",
    "SEED",
    "Benchmark",
    "BenchmarkRow",
    "Example",
    "Program",
    "Row",
    "StimulusWriter",
    "Summary",
    "System",
    "Trial",
    "UpmixBenchmark",
    "as_systems",
    "benchmark_binaural",
    "benchmark_foa",
    "benchmark_upmixers",
    "binaural_methods",
    "command_system",
    "estimates_system",
    "fingerprint",
    "foa_methods",
    "gating_depth",
    "level_pumping",
    "log_kurtosis_ratio",
    "named_value",
    "run_benchmark",
    "summarize",
    "versions",
    "write_upmix_stimuli",
]


def __getattr__(name: str) -> Any:
    return lazy_attribute(
        __name__, name, ("results", "runner", "systems", "upmix", "foa", "binaural")
    )
