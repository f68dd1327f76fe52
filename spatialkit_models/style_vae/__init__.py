"""The style-transfer VAE of Yang et al. (ICASSP 2022): stereo and a style to five channels."""

from typing import TYPE_CHECKING, Any

from spatialkit.plugins import lazy_attribute
from spatialkit_models.style_vae.config import (
    FastConfig,
    FastLossConfig,
    PaperConfig,
    PaperLossConfig,
    StyleSceneConfig,
)
from spatialkit_models.style_vae.directions import (
    StemPlace,
    directions_style,
    parse_directions,
    style_directions,
)
from spatialkit_models.style_vae.encoding import encode_style
from spatialkit_models.style_vae.recipes import RECIPES
from spatialkit_models.style_vae.style import Style, StyleError, interpolate
from spatialkit_models.style_vae.styles import as_style, random_style
from spatialkit_models.style_vae.upmixer import StyleVAEOptions, StyleVAEUpmixer

if TYPE_CHECKING:  # at run time `__getattr__` imports these, and torch with them
    from spatialkit_models.style_vae import benchmark, latents, mixed_benchmark
    from spatialkit_models.style_vae.inference import StyleModel, load_style_model
    from spatialkit_models.style_vae.losses import FastLoss, PaperLoss
    from spatialkit_models.style_vae.network import FastStyleVAE, StyleCode
    from spatialkit_models.style_vae.published import PaperStyleVAE
    from spatialkit_models.style_vae.training_task import RecordedScenes, StyleTask, style_task

__all__ = [
    "RECIPES",
    "FastConfig",
    "FastLoss",
    "FastLossConfig",
    "FastStyleVAE",
    "PaperConfig",
    "PaperLoss",
    "PaperLossConfig",
    "PaperStyleVAE",
    "RecordedScenes",
    "StemPlace",
    "Style",
    "StyleCode",
    "StyleError",
    "StyleModel",
    "StyleSceneConfig",
    "StyleTask",
    "StyleVAEOptions",
    "StyleVAEUpmixer",
    "as_style",
    "benchmark",
    "directions_style",
    "encode_style",
    "interpolate",
    "latents",
    "load_style_model",
    "mixed_benchmark",
    "parse_directions",
    "random_style",
    "style_directions",
    "style_task",
]

_MODULES = (
    *("network", "published", "losses", "inference", "training_task"),
    *("benchmark", "latents", "mixed_benchmark"),
)


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES)
