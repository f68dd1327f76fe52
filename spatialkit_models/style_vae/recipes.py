"""Recipes of the style-transfer VAE; light to import."""

from __future__ import annotations

from spatialkit_models.style_vae.config import (
    FastConfig,
    FastLossConfig,
    PaperConfig,
    PaperLossConfig,
    StyleSceneConfig,
)
from spatialkit_models.training import Recipe, TrainingConfig

__all__ = ["RECIPES"]

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="fast",
            architecture="style-vae-fast",
            network=FastConfig(),
            scenes=StyleSceneConfig(),
            loss=FastLossConfig(),
            training=TrainingConfig(learning_rate=3e-3),
        ),
        # Stated by the paper: excerpts of 98,048 samples, a stereo panned independently, the style
        # taken from the target itself, and Adam (no weight decay) at this learning rate. Level
        # changes and stems in two directions are not mentioned.
        Recipe(
            name="paper",
            architecture="style-vae-paper",
            network=PaperConfig(),
            scenes=StyleSceneConfig(
                seconds=98_048 / 44_100,
                min_active=1,
                protocol="independent",
                cross_song=False,
                level_db=0.0,
                paired=0.0,
            ),
            loss=PaperLossConfig(),
            training=TrainingConfig(learning_rate=5e-3, weight_decay=0.0),
        ),
    )
}
"""Recipes by name: "fast" is the project's own network, "paper" the published one."""
