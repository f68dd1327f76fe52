"""Training task of the Ambisonizer's own network: scenes, loss and validation."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spatialkit_models import losses
from spatialkit_models.ambisonizer.losses import AmbisonizerLoss
from spatialkit_models.ambisonizer.network import Ambisonizer
from spatialkit_models.data.rooms import RoomResponses
from spatialkit_models.data.scenes import AmbisonicScenes, ShardedScenes, mix_stage
from spatialkit_models.data.songs import Augmentation, ExcerptConfig, StemExcerpts
from spatialkit_models.modules import Covariance, StemMasks
from spatialkit_models.training import Recipe, Task, new_network, song_records

__all__ = ["AmbisonizerTask", "ambisonizer_task"]

# Stronger than the default: few real songs with stems are freely available.
AUGMENTATION = Augmentation(gain_db=8.0, equalizer_db=6.0, min_speed=0.75, max_speed=1.33)
CALIBRATION_SCENES = 48  # for the scales of features and the prior of stems
VALIDATION_SECONDS = 6.0
VALIDATION_SCENES = 24


class AmbisonizerTask(Task):
    """Training task of the model "ambisonizer"; `ambisonizer_task` creates it."""

    def measure(self, network: Any, scene: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Compute the metrics of X on the expected stage of a held-out scene.

        "snr" of X, and its "level" relative to the true X, dB.
        """
        reference = mix_stage(scene["stems"], scene["stage"])
        x = network(network.stft(reference[:, :2]), scene["expected"])
        estimate = network.stft.inverse(x[:, :, None], reference.shape[-1])
        level = estimate.square().sum() / reference[:, 2].square().sum()
        return {
            "snr": losses.snr(reference[:, 2:], estimate).mean(),
            "level": 10.0 * (level + 1e-9).log10(),
        }

    def score(self, metrics: Mapping[str, float]) -> float:
        """Return the SNR."""
        return metrics["snr"]


def ambisonizer_task(
    recipe: Recipe,
    datasets: Any,
    rooms: Sequence[str | os.PathLike[str]] = (),
    *,
    start: Ambisonizer | None = None,
    masks: StemMasks | None = None,
    room_format: str = "ambix1",
    splits: Mapping[str, str] | None = None,
    shards: int = 1,
) -> AmbisonizerTask:
    """Create a training task on stems of several datasets, in rooms.

    Parameters
    ----------
    recipe : Recipe
        "stage" or "uniform" of `RECIPES`, or a variant.
    datasets, splits
        Songs to train on and, held out of these, to validate on, see `ExcerptConfig`.
    rooms : sequence of path
        Directories of room responses, some of which are held out, see `RoomResponses`. Not needed
        if the recipe has only mixes.
    start : Ambisonizer, optional
        Network to train further; a new one by default.
    masks : StemMasks, optional
        Masks that a new network starts with, such as those of a style VAE; random by default.
    room_format : str
        Format of measured responses.
    shards : int
        Number of shards of the examples, see `ShardedScenes`; one per worker is best.
    """
    config, kinds, settings = recipe.network, recipe.scenes, recipe.training
    weights = {"mix": kinds.mixes, "staged": kinds.staged, "uniform": kinds.uniform}

    def scenes(split: str, excerpts: StemExcerpts) -> AmbisonicScenes:
        responses = None
        if kinds.staged or kinds.uniform:
            responses = RoomResponses(
                rooms,
                split,
                config.sample_rate,
                seed=settings.seed,
                format=room_format,
                dry_below=kinds.dry_below,
            )
        return AmbisonicScenes(
            excerpts,
            responses,
            seed=settings.seed,
            shares=weights,
            plain=kinds.mono,
            images=kinds.random_panning if split == "train" else 0.0,
        )

    songs = ExcerptConfig(
        datasets=datasets,
        splits=splits or {},
        seconds=kinds.seconds,
        sample_rate=config.sample_rate,
        stereo=True,
        seed=settings.seed,
        coherent=0.4,
        min_active=kinds.min_active,
        augmentation=AUGMENTATION,
    )
    stems = StemExcerpts(songs)
    training = scenes("train", stems)
    # Users upmix whole songs.
    valid = StemExcerpts(
        replace(
            songs,
            split="valid",
            seconds=VALIDATION_SECONDS,
            seed=0,
            coherent=1.0,
            min_active=3,
            reuse=1.0,
        )
    )
    network = start or _new_network(recipe, training, masks)
    return AmbisonizerTask(
        recipe=recipe,
        network=network,
        loss=AmbisonizerLoss(network, recipe.loss),
        examples=ShardedScenes(training, settings.batch_size, shards),
        validation=scenes("valid", valid).scenes(range(VALIDATION_SCENES)),
        sources={
            "stems": [[str(path), float(weight)] for path, weight in datasets],
            "rooms": [str(path) for path in rooms],
            "room_format": room_format,
            "splits": dict(splits or {}),
            "shards": shards,
        },
        datasets=[
            *song_records(train=stems.song_counts, valid=valid.song_counts),
            *({"name": str(path)} for path in rooms),
        ],
    )


def _new_network(recipe: Recipe, scenes: AmbisonicScenes, masks: StemMasks | None) -> Ambisonizer:
    """Build a network, and copy or calibrate its masks."""
    network: Ambisonizer = new_network(recipe)
    if masks:
        network.masks.load_state_dict(masks.state_dict())
    else:
        calibrate(network, scenes.scenes(range(CALIBRATION_SCENES)))
    return network


@torch.no_grad()
def calibrate(network: Ambisonizer, scenes: Mapping[str, np.ndarray]) -> None:
    """Set the scales of features and the prior of stems from scenes, before training."""
    features, masks = [], []
    for stems in torch.from_numpy(scenes["stems"]).split(4):
        powers = Covariance.of(network.stft(stems[:, :, 0]), network.resolution).powers
        masks.append(powers / (powers.sum(2, keepdim=True) + 1e-9))
        pair = Covariance.of(network.stft(stems.sum(1)[:, :2]), network.resolution)
        features.append(network.masks.features(network.to_left_right(pair)))
    network.masks.calibrate(torch.cat(features), torch.cat(masks))
