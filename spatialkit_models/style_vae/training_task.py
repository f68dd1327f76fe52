"""Training task of the style-transfer VAE: scenes, loss and validation."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spatialkit.errors import OptionError
from spatialkit_models import losses
from spatialkit_models.data.scenes import (
    FiveChannelExcerpts,
    ShardedScenes,
    StyleScenes,
    mix,
    stereo_downmix,
)
from spatialkit_models.data.songs import ExcerptConfig, StemExcerpts
from spatialkit_models.modules import Covariance
from spatialkit_models.style_vae.losses import FastLoss, PaperLoss
from spatialkit_models.style_vae.network import CHANNELS, FastStyleVAE
from spatialkit_models.style_vae.published import PaperStyleVAE
from spatialkit_models.training import Recipe, Task, new_network, song_records

__all__ = ["RecordedScenes", "StyleTask", "style_task"]

CALIBRATION_SCENES = 48  # for the scales of features and the prior of stems
VALIDATION_SECONDS = 6.0
VALIDATION_SCENES = 24
# Direction error that weighs as much as 1 dB of SNR in the validation score.
DEGREES_PER_DB = 10.0


@dataclass(frozen=True)
class RecordedScenes:
    """Five-channel recordings as scenes, with each channel as a stem at its loudspeaker.

    Target and style are the recording; the stereo is its downmix.

    Parameters
    ----------
    recordings : FiveChannelExcerpts
        Excerpts of the recordings.
    """

    recordings: FiveChannelExcerpts

    @property
    def seconds(self) -> float:
        """Length of the audio of a scene, s."""
        return self.recordings.seconds

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        """Return the scenes of these numbers: the arrays of `StyleScenes.scenes`."""
        five = self.recordings.scenes(numbers)["five"]
        gains = np.tile(np.eye(CHANNELS, dtype=np.float32), (len(five), 1, 1))
        return {
            "stems": five,
            "style_stems": five,
            "gains": gains,
            "style_gains": gains,
            "seed_gains": stereo_downmix(gains).swapaxes(1, 2),
        }


class StyleTask(Task):
    """Training task of the model "style-vae"; `style_task` creates it."""

    def measure(self, network: Any, scene: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Compute the metrics of a held-out scene whose style comes from another song.

        "snr" over all channels, dB; "angle", the mean direction error of stems, degrees; "level"
        relative to the target, dB. All without the residual of source extraction.
        """
        target = mix(scene["stems"], scene["gains"])
        style = network.stft(mix(scene["style_stems"], scene["style_gains"]))
        stereo = network.stft(mix(scene["stems"], scene["seed_gains"]))
        upmix = network.stft.inverse(network(stereo, style), target.shape[-1])
        angle = losses.angle_error(scene["stems"], upmix, scene["azimuth"], "5.0")
        level = upmix.square().sum() / target.square().sum()
        return {
            "snr": losses.snr(target, upmix).mean(),
            "angle": torch.nanmean(angle),
            "level": 10.0 * level.log10(),
        }

    def score(self, metrics: Mapping[str, float]) -> float:
        """Return the SNR less a tenth of the direction error."""
        return metrics["snr"] - metrics["angle"] / DEGREES_PER_DB


def style_task(
    recipe: Recipe,
    datasets: Any,
    *,
    start: FastStyleVAE | PaperStyleVAE | None = None,
    recordings: str | os.PathLike[str] | None = None,
    splits: Mapping[str, str] | None = None,
    shards: int = 1,
) -> StyleTask:
    """Create a training task on stems of several datasets, or on recordings.

    Parameters
    ----------
    recipe : Recipe
        One of `RECIPES`, or a variant.
    datasets, splits
        Songs to train on and, held out of these, to validate on, see `ExcerptConfig`.
    start : network, optional
        Network to train further, of the recipe's architecture; a new one by default.
    recordings : path, optional
        Directory of five-channel music (see `FiveChannelExcerpts`) to train on instead of stems,
        like the last stage of the paper's training; the songs serve for validation only.
    shards : int
        Number of shards of the examples, see `ShardedScenes`; one per worker is best.
    """
    config, scenes, training = recipe.network, recipe.scenes, recipe.training
    songs = ExcerptConfig(
        datasets=datasets,
        splits=splits or {},
        seconds=VALIDATION_SECONDS,
        sample_rate=config.sample_rate,
    )
    # Users upmix whole songs.
    valid = StemExcerpts(replace(songs, split="valid", coherent=1.0, min_active=3, reuse=1.0))
    counts = {"valid": valid.song_counts}
    source: StyleScenes | RecordedScenes
    if recordings is None:
        stems = StemExcerpts(
            replace(songs, seconds=scenes.seconds, seed=training.seed, min_active=scenes.min_active)
        )
        counts = {"train": stems.song_counts, **counts}
        source = StyleScenes(
            stems,
            seed=training.seed,
            protocol=scenes.protocol,
            cross_song=scenes.cross_song,
            level_db=scenes.level_db,
            paired=scenes.paired,
        )
    else:
        source = RecordedScenes(
            FiveChannelExcerpts(recordings, scenes.seconds, config.sample_rate, seed=training.seed)
        )
    network = start or _new_network(recipe, source)
    return StyleTask(
        recipe=recipe,
        network=network,
        loss=(
            FastLoss(network, recipe.loss, scenes)
            if isinstance(network, FastStyleVAE)
            else PaperLoss(network, recipe.loss)
        ),
        examples=ShardedScenes(source, training.batch_size, shards),
        validation=StyleScenes(valid).batch(0, VALIDATION_SCENES),
        sources={
            "stems": [[str(path), float(weight)] for path, weight in datasets],
            "splits": dict(splits or {}),
            "recordings": None if recordings is None else str(recordings),
            "shards": shards,
        },
        datasets=[
            *song_records(**counts),
            *([] if recordings is None else [{"name": str(recordings)}]),
        ],
    )


def _new_network(
    recipe: Recipe, source: StyleScenes | RecordedScenes
) -> FastStyleVAE | PaperStyleVAE:
    """Build a network, and calibrate its masks."""
    network: FastStyleVAE | PaperStyleVAE = new_network(recipe)
    if isinstance(network, FastStyleVAE):
        if isinstance(source, RecordedScenes):
            raise OptionError(
                "recordings have no stems, which a new fast network is trained on first: specify "
                "start, a network that was trained on stems"
            )
        calibrate(network, source.batch(0, CALIBRATION_SCENES))
    return network


@torch.no_grad()
def calibrate(network: FastStyleVAE, scenes: Mapping[str, np.ndarray]) -> None:
    """Set the scales of features and the prior of stems from scenes, before training."""
    stems = torch.from_numpy(scenes["stems"])
    gains = torch.from_numpy(scenes["seed_gains"])
    features, masks = [], []
    for stem, gain in zip(stems.split(4), gains.split(4), strict=True):
        covariance = Covariance.of(network.stft(stem), network.resolution)
        powers = covariance.powers * gain.square().sum(-1)[:, None, :, None]
        masks.append(powers / (powers.sum(2, keepdim=True) + 1e-9))
        features.append(network.masks.features(covariance.mixed(gain)))
    network.masks.calibrate(torch.cat(features), torch.cat(masks))
