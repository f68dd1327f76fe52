"""Recipes of the Ambisonizer; light to import."""

from __future__ import annotations

from spatialkit_models.ambisonizer.config import (
    AmbisonicSceneConfig,
    AmbisonizerConfig,
    AmbisonizerLossConfig,
)
from spatialkit_models.ambisonizer.published.config import (
    PublishedConfig,
    PublishedLossConfig,
    PublishedSceneConfig,
)
from spatialkit_models.training import Recipe, TrainingConfig

__all__ = ["RECIPES"]

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="stage",
            architecture="ambisonizer-stage",
            network=AmbisonizerConfig(),
            scenes=AmbisonicSceneConfig(),
            loss=AmbisonizerLossConfig(),
            training=TrainingConfig(learning_rate=1.5e-3),
        ),
        Recipe(
            name="uniform",
            architecture="ambisonizer-stage",
            network=AmbisonizerConfig(),
            scenes=AmbisonicSceneConfig(mixes=0.0, staged=0.0, uniform=1.0),
            loss=AmbisonizerLossConfig(),
            training=TrainingConfig(learning_rate=1.5e-3),
        ),
        # Stated by its authors: AdamW at this learning rate, batches of 32, clipping at 2.
        Recipe(
            name="published",
            architecture="ambisonizer-published",
            network=PublishedConfig(),
            scenes=PublishedSceneConfig(),
            loss=PublishedLossConfig(),
            training=TrainingConfig(
                learning_rate=5e-5, batch_size=32, clip=2.0, precision="float32"
            ),
        ),
    )
}
"""Recipes by name: "stage" and "uniform" are the project's own network, "published" is not."""
