"""Benchmark runner: run systems on reference examples and aggregate metrics."""

from spatialkit_models.evaluation.excerpts import SAMPLE_RATE, SEED, RoomChoice, SongExcerpts
from spatialkit_models.evaluation.leakage import add_leakage
from spatialkit_models.evaluation.level_differences import largest_level_difference
from spatialkit_models.evaluation.listed_excerpts import (
    POOL,
    PUBLISHED,
    ExcerptList,
    ListedExcerpts,
    read_list,
)
from spatialkit_models.evaluation.runner import (
    Example,
    System,
    Trial,
    load_models,
    run_benchmark,
    versions,
)
from spatialkit_models.evaluation.stem_images import StemImages, estimate_images
from spatialkit_models.evaluation.upmixers import upmix_stems, upmixer_system

__all__ = [
    "POOL",
    "PUBLISHED",
    "SAMPLE_RATE",
    "SEED",
    "Example",
    "ExcerptList",
    "ListedExcerpts",
    "RoomChoice",
    "SongExcerpts",
    "StemImages",
    "System",
    "Trial",
    "add_leakage",
    "estimate_images",
    "largest_level_difference",
    "load_models",
    "read_list",
    "run_benchmark",
    "upmix_stems",
    "upmixer_system",
    "versions",
]
