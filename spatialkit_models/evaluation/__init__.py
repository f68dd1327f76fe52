"""Benchmark runner: run systems on reference examples and aggregate metrics."""

from spatialkit_models.evaluation.excerpts import POOL, SAMPLE_RATE, SEED, RoomChoice, SongExcerpts
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
    "Example",
    "RoomChoice",
    "SongExcerpts",
    "System",
    "Trial",
    "load_models",
    "run_benchmark",
    "versions",
]
