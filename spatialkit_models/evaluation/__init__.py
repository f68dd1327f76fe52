"""Parts of the benchmarks of models: excerpts, systems and images of stems."""

from spatialkit_models.evaluation.excerpts import SAMPLE_RATE, SEED, RoomChoice, SongExcerpts
from spatialkit_models.evaluation.leakage import add_leakage
from spatialkit_models.evaluation.level_differences import (
    WILD,
    largest_level_difference,
    wild_scores,
)
from spatialkit_models.evaluation.listed_excerpts import (
    POOL,
    PUBLISHED,
    ExcerptList,
    ListedExcerpts,
    read_list,
)
from spatialkit_models.evaluation.stem_images import StemImages, estimate_images
from spatialkit_models.evaluation.systems import System, load_models
from spatialkit_models.evaluation.upmixers import Given, as_evaluated, rendered, upmix_stems

__all__ = [
    "POOL",
    "PUBLISHED",
    "SAMPLE_RATE",
    "SEED",
    "ExcerptList",
    "Given",
    "ListedExcerpts",
    "RoomChoice",
    "SongExcerpts",
    "StemImages",
    "System",
    "WILD",
    "add_leakage",
    "as_evaluated",
    "estimate_images",
    "largest_level_difference",
    "load_models",
    "read_list",
    "rendered",
    "upmix_stems",
    "wild_scores",
]
