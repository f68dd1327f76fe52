"""Training and evaluation scenes: stems placed in space."""

from spatialkit_models.data.scenes.ambisonic import (
    AmbisonicScenes,
    StereoExcerpts,
    mix_stage,
    residual_x,
)
from spatialkit_models.data.scenes.hand_stage import HandStage, load_hand_stage
from spatialkit_models.data.scenes.published import PublishedScenes, open_published_scenes
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
from spatialkit_models.data.scenes.wxy_files import (
    SPLIT_FOLDERS,
    WXYFiles,
    WXYNormalization,
    has_wxy,
    write_wxy,
)

__all__ = [
    "ALL_FRONT",
    "SPLIT_FOLDERS",
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
    "WXYFiles",
    "WXYNormalization",
    "StyleScenes",
    "has_wxy",
    "mix_stage",
    "open_published_scenes",
    "stereo_downmix",
    "residual_x",
    "load_configurations",
    "load_hand_stage",
    "mix",
    "mono_gains",
    "parse_stage",
    "write_wxy",
]
