"""Recipes: everything that determines a training, under one name."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spatialkit.errors import OptionError
from spatialkit.validation import as_dataclass
from spatialkit_models.training.config import TrainingConfig

__all__ = ["Recipe", "restore_recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Network, scenes, loss and training settings that belong together.

    Python and the command line start from the same recipes; `dataclasses.replace` and
    `with_training` make variants.

    Parameters
    ----------
    name : str
        Name of the recipe, such as "fast".
    architecture : str
        Architecture of the network, a key of `spatialkit_models.weights.ARCHITECTURES`.
    network, scenes, loss : dataclass
        Shape of the network, scenes that it is trained on, and weights of the loss.
    training : TrainingConfig
        Optimizer, schedule and precision.
    """

    name: str
    architecture: str
    network: Any
    scenes: Any
    loss: Any
    training: TrainingConfig

    def with_training(self, **settings: Any) -> Recipe:
        """Return a copy with other fields of `TrainingConfig`, such as ``minutes=60``."""
        return dataclasses.replace(self, training=dataclasses.replace(self.training, **settings))

    def as_json(self) -> dict[str, Any]:
        """Return the recipe without the network's shape, as JSON values for a model card."""
        settings = {
            name: dataclasses.asdict(getattr(self, name)) for name in ("scenes", "loss", "training")
        }
        values: dict[str, Any] = json.loads(json.dumps({"name": self.name, **settings}))
        return values


def restore_recipe(
    recipes: Mapping[str, Recipe], architecture: str, network: Any, card: Mapping[str, Any]
) -> Recipe:
    """Return the recipe by which stored weights are trained further.

    Scenes and loss are those of the previous training; optimizer and schedule are those of the
    recipe with the same name, or of the first one for the architecture.

    Parameters
    ----------
    recipes : mapping of str to Recipe
        Recipes of the model.
    architecture : str
        Architecture of the weights.
    network : dataclass
        Shape of the network.
    card : mapping
        Field ``recipe`` of the model card; it may be empty.

    Raises
    ------
    OptionError
        If the card contains settings that this version does not have.
    """
    suitable = [one for one in recipes.values() if one.architecture == architecture]
    base = next((one for one in suitable if one.name == card.get("name")), suitable[0])
    settings = {}
    for name in ("scenes", "loss"):
        known, stored = getattr(base, name), card.get(name, {})
        place = f"{name} of the recipe in the model card"
        if not isinstance(stored, Mapping):
            raise OptionError(f"{place} must be a JSON object, got {stored!r}")
        settings[name] = as_dataclass(type(known), {**vars(known), **stored}, place)
    return dataclasses.replace(base, network=network, **settings)
