"""Recipe of the separation masks; light to import."""

from __future__ import annotations

from spatialkit_models.data.powers import PowerMixConfig
from spatialkit_models.modules import MaskConfig
from spatialkit_models.separation.config import MaskLossConfig
from spatialkit_models.training import Recipe, TrainingConfig

__all__ = ["RECIPES"]

RECIPES = {
    "masks": Recipe(
        name="masks",
        architecture="separator-masks",
        # Half of the length of a mix: the means are those of training.
        network=MaskConfig(reach=PowerMixConfig().frames // 2),
        scenes=PowerMixConfig(),
        loss=MaskLossConfig(),
        training=TrainingConfig(learning_rate=3e-3),
    )
}
"""Recipes by name."""
