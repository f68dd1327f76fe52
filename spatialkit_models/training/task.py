"""Interface of a training task: a network, its examples, its loss and its validation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from spatialkit_models.training.recipe import Recipe
from spatialkit_models.weights import ARCHITECTURES

__all__ = ["Examples", "Task", "new_network", "song_records"]


class Examples(Protocol):
    """Source of training batches, which is copied to worker processes."""

    @property
    def seconds(self) -> float:
        """Length of the audio of an example, s."""

    def batch(self, start: int, size: int) -> Mapping[str, np.ndarray]:
        """Return examples ``start`` to ``start + size - 1``, along the first axis of each array.

        A pure function: an example depends on its number only, not on its batch, the process or
        earlier calls.
        """


@dataclass
class Task(ABC):
    """Network, examples and loss of a training run.

    Subclasses define `measure` and `score`.

    Parameters
    ----------
    recipe : Recipe
        Configuration of all of the following.
    network : Module
        Network whose weights are trained and saved.
    loss : Module
        Module around the network. Its call with a batch and the progress of the run (0 to 1)
        returns the mean loss and a dict of its terms, without gradients. All gradients come from
        one such call, which may be distributed over processes; therefore each parameter must take
        part in each loss, if only multiplied by 0.
    examples : Examples
        Training examples.
    validation : mapping of str to ndarray
        Held-out scenes, along the first axis of each array.
    sources : mapping
        Origin of the examples as JSON values; a run is resumed with the same.
    datasets : sequence of mapping
        Training data for the model card, see `song_records`.
    """

    recipe: Recipe
    network: nn.Module
    loss: nn.Module
    examples: Examples
    validation: Mapping[str, np.ndarray]
    sources: Mapping[str, Any] = field(default_factory=dict)
    datasets: Sequence[Mapping[str, Any]] = ()

    @property
    def model(self) -> str:
        """Name of the model, such as "style-vae"."""
        return ARCHITECTURES[self.recipe.architecture].model

    def validate(self, network: Any) -> dict[str, float]:
        """Compute the mean metrics of a network over the held-out scenes, and its score.

        The network is in evaluation mode.
        """
        device = next(network.parameters()).device
        values: dict[str, list[float]] = {}
        for index in range(len(next(iter(self.validation.values())))):
            scene = {
                name: torch.from_numpy(array[index : index + 1]).to(device)
                for name, array in self.validation.items()
            }
            for name, value in self.measure(network, scene).items():
                values.setdefault(name, []).append(float(value))
        metrics = {name: float(np.nanmean(found)) for name, found in values.items()}
        return {**metrics, "score": self.score(metrics)}

    @abstractmethod
    def measure(self, network: Any, scene: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Compute the metrics of a network on one held-out scene, a batch of size 1."""

    @abstractmethod
    def score(self, metrics: Mapping[str, float]) -> float:
        """Combine mean metrics to the number by which the best weights are chosen; high is good."""


def new_network(recipe: Recipe) -> Any:
    """Build the network of a recipe with random weights that depend on its seed only."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed)
        return ARCHITECTURES[recipe.architecture].network_class(recipe.network)


def song_records(
    **counts: Mapping[str, int | None],
) -> list[dict[str, Any]]:
    """Combine the numbers of songs of several splits to the training data of a model card.

    Parameters
    ----------
    **counts : mapping of str to int or None
        Number of songs by dataset in the split of this name; None for generated songs.

    Examples
    --------
    >>> song_records(train={"songs/": 5, "procedural": None}, valid={"songs/": 2})
    [{'name': 'songs/', 'songs': {'train': 5, 'valid': 2}}, {'name': 'procedural'}]
    """
    names = list(dict.fromkeys(name for split in counts.values() for name in split))
    records = []
    for name in names:
        songs = {split: found[name] for split, found in counts.items() if found.get(name)}
        records.append({"name": name, "songs": songs} if songs else {"name": name})
    return records
