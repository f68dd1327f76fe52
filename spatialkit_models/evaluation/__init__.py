"""Benchmark runner: runs systems on reference examples and aggregates metrics."""

from spatialkit_models.evaluation.report import Benchmark, Metric, Row, Summary, summarize
from spatialkit_models.evaluation.runner import (
    Example,
    System,
    Trial,
    load_models,
    run_benchmark,
    versions,
)

__all__ = [
    "Benchmark",
    "Example",
    "Metric",
    "Row",
    "Summary",
    "System",
    "Trial",
    "load_models",
    "run_benchmark",
    "summarize",
    "versions",
]
