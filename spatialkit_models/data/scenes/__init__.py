"""Training and evaluation scenes: stems placed in space."""

from spatialkit_models.data.scenes.ambisonic import (
    AmbisonicScenes,
    StereoExcerpts,
    combined,
    leftover,
)
from spatialkit_models.data.scenes.hand_stage import HandStage, load_hand_stage
from spatialkit_models.data.scenes.published import PublishedScenes
from spatialkit_models.data.scenes.recordings import FiveChannelExcerpts
from spatialkit_models.data.scenes.stage import (
    AHEAD,
    NO_AMBIENCE,
    RULE_STAGE,
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
    "AHEAD",
    "NO_AMBIENCE",
    "RULE_STAGE",
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
    "combined",
    "stereo_downmix",
    "leftover",
    "load_configurations",
    "load_hand_stage",
    "mix",
    "mono_gains",
    "parse_stage",
]
