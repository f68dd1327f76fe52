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
from spatialkit_models.data.scenes.style import (
    Configuration,
    Dealt,
    Excerpts,
    StyleScenes,
    load_configurations,
    mix,
)

__all__ = [
    "AmbisonicScenes",
    "Configuration",
    "Dealt",
    "Excerpts",
    "FiveChannelExcerpts",
    "HandStage",
    "PublishedScenes",
    "StereoExcerpts",
    "StyleScenes",
    "combined",
    "leftover",
    "load_configurations",
    "load_hand_stage",
    "mix",
]
