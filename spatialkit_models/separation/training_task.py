"""Training task of the separation masks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from spatialkit.errors import OptionError
from spatialkit_models.data.powers import (
    PowerMixes,
    SongPowers,
    cache_powers,
    natural_excerpts,
    open_powers,
)
from spatialkit_models.data.songs import split_datasets
from spatialkit_models.modules import MaskConfig, StemMasks, mask_loss
from spatialkit_models.separation.losses import (
    MaskLoss,
    calibration_error,
    mix_covariance,
    stem_sdr,
)
from spatialkit_models.stem_names import STEMS
from spatialkit_models.training import Recipe, Task, new_network, song_records

__all__ = ["SeparatorTask", "separator_task"]

CALIBRATION_MIXES = 64  # for the scales of features and the prior of stems


class SeparatorTask(Task):
    """Training task of the model "separator"; `separator_task` creates it."""

    def measure(self, network: Any, scene: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Compute the metrics of an excerpt of a held-out song as it is mixed.

        "sdr_vocals" and so on, dB; "cross_entropy", nats; "calibration", the expected calibration
        error of the masks.
        """
        logits = network(mix_covariance(scene["mix"])).float()
        masks = logits.softmax(2)
        sdr = stem_sdr(masks, scene)[0]
        return {
            **{f"sdr_{stem}": value for stem, value in zip(STEMS, sdr, strict=True)},
            "cross_entropy": mask_loss(logits, scene["powers"]),
            "calibration": calibration_error(masks, scene["powers"]),
        }

    def score(self, metrics: Mapping[str, float]) -> float:
        """Return the mean SDR over stems, dB."""
        return sum(metrics[f"sdr_{stem}"] for stem in STEMS) / len(STEMS)


def separator_task(
    recipe: Recipe,
    datasets: Any,
    *,
    cache: str | os.PathLike[str],
    start: StemMasks | None = None,
    splits: Mapping[str, str] | None = None,
) -> SeparatorTask:
    """Create a training task on the powers of stems of several datasets.

    Parameters
    ----------
    recipe : Recipe
        One of `RECIPES`, or a variant.
    datasets, splits
        Songs to train on and, held out of these, to validate on, see `ExcerptConfig`. A dataset is
        sampled in proportion to its weight, its songs in proportion to their lengths.
    cache : path
        Directory for the powers of the songs, 0.9 MB per second of music: computed once.
    start : StemMasks, optional
        Network to train further; a new one by default.
    """
    splits, masks = dict(splits or {}), recipe.network
    songs, weights, counts = _train_songs(datasets, splits, cache, masks)
    examples = PowerMixes(songs, weights, recipe.scenes, masks, recipe.training.seed)
    valid = split_datasets(datasets, "valid", splits)
    held_out = [song for _, found, _ in valid for song in found]
    network = start or _new_network(recipe, examples)
    return SeparatorTask(
        recipe=recipe,
        network=network,
        loss=MaskLoss(network, recipe.loss),
        examples=examples,
        validation=natural_excerpts(held_out, masks),
        sources={
            "stems": [[str(path), float(weight)] for path, weight in datasets],
            "splits": splits,
        },
        datasets=song_records(
            train=counts, valid={str(path): len(found) for path, found, _ in valid}
        ),
    )


def _train_songs(
    datasets: Any, splits: Mapping[str, str], cache: str | os.PathLike[str], masks: MaskConfig
) -> tuple[list[SongPowers], list[float], dict[str, int | None]]:
    """Return the songs of the split "train", their probabilities, and numbers by dataset."""
    songs: list[SongPowers] = []
    weights: list[float] = []
    counts: dict[str, int | None] = {}
    for path, found, weight in split_datasets(datasets, "train", splits, joint=True):
        if not isinstance(path, (str, os.PathLike)) or path == "procedural":
            raise OptionError("masks are trained on songs on disk: leave out 'procedural'")
        counts[str(path)] = len(found)
        listed = tqdm(found, "powers of stems", disable=None)
        opened = [open_powers(cache_powers(song, cache, masks)) for song in listed]
        length = sum(song.frames for song in opened)
        songs += opened
        weights += [weight * song.frames / length for song in opened]
    return songs, weights, counts


@torch.no_grad()
def _new_network(recipe: Recipe, examples: PowerMixes) -> StemMasks:
    """Build a network whose scales of features and prior of stems suit the examples."""
    network: StemMasks = new_network(recipe)
    batch = {
        name: torch.from_numpy(array)
        for name, array in examples.batch(0, CALIBRATION_MIXES).items()
    }
    # Joint stems have no ratios.
    separate = (batch["groups"] == torch.arange(len(STEMS))).all(1)
    mix, powers = batch["mix"][separate], batch["powers"][separate]
    ratios = powers / (powers.sum(2, keepdim=True) + 1e-9)
    network.calibrate(network.features(mix_covariance(mix)), ratios)
    return network
