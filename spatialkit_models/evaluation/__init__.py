"""Benchmark runner: runs systems on reference examples and aggregates metrics."""

from spatialkit_models.evaluation.excerpts import POOL, SAMPLE_RATE, SEED, RoomChoice, SongExcerpts
from spatialkit_models.evaluation.report import (
    Benchmark,
    Metric,
    Row,
    Summary,
    summarize,
    write_figure,
)
from spatialkit_models.evaluation.runner import (
    Example,
    System,
    Trial,
    load_models,
    run_benchmark,
    versions,
)

__all__ = [
    "POOL",
    "SAMPLE_RATE",
    "SEED",
    "Benchmark",
    "Example",
    "Metric",
    "RoomChoice",
    "Row",
    "SongExcerpts",
    "Summary",
    "System",
    "Trial",
    "load_models",
    "run_benchmark",
    "summarize",
    "versions",
    "write_figure",
]
