"""Training and evaluation scenes: stems placed in space."""

from spatialkit_models.data.scenes.ambisonic import (
    AmbisonicScenes,
    StereoExcerpts,
    mix_stage,
    residual_x,
)
from spatialkit_models.data.scenes.hand_stage import HandStage, load_hand_stage
from spatialkit_models.data.scenes.published import PublishedScenes
from spatialkit_models.data.scenes.recordings import FiveChannelExcerpts
from spatialkit_models.data.scenes.stage import (
    ALL_FRONT,
    MEAN_STAGE,
    NO_AMBIENCE,
    STAGES,
    mono_gains,
    parse_stage,
)
from spatialkit_models.data.scenes.style import (
    Configuration,
    Excerpts,
    ShardedScenes,
    StyleScenes,
    load_configurations,
    mix,
    stereo_downmix,
)

__all__ = [
    "ALL_FRONT",
    "NO_AMBIENCE",
    "MEAN_STAGE",
    "STAGES",
    "AmbisonicScenes",
    "Configuration",
    "ShardedScenes",
    "Excerpts",
    "FiveChannelExcerpts",
    "HandStage",
    "PublishedScenes",
    "StereoExcerpts",
    "StyleScenes",
    "mix_stage",
    "stereo_downmix",
    "residual_x",
    "load_configurations",
    "load_hand_stage",
    "mix",
    "mono_gains",
    "parse_stage",
]
