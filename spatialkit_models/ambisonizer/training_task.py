"""How the Ambisonizer is trained: on which scenes, towards what, judged how."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spatialkit_models import losses
from spatialkit_models.ambisonizer.network import Ambisonizer, AmbisonizerConfig
from spatialkit_models.ambisonizer.published import PublishedConfig
from spatialkit_models.data.rooms import RoomResponses
from spatialkit_models.data.scenes import AmbisonicScenes, ShardedScenes, combined
from spatialkit_models.data.songs import Augmentation, ExcerptConfig, StemExcerpts
from spatialkit_models.modules import Moments, StemMasks
from spatialkit_models.training import Examples

__all__ = ["PRESETS", "AmbisonizerTask", "ambisonizer_task"]

PRESETS: dict[str, AmbisonizerConfig | PublishedConfig] = {
    "stage": AmbisonizerConfig(),
    "uniform": AmbisonizerConfig(mixes=0.0, staged=0.0, uniform=1.0),
    "published": PublishedConfig(),  # taught by ambisonizer_published_training
}
# Few real songs are at hand: they are varied more than by default.
AUGMENTATION = Augmentation(gain_db=8.0, equalizer_db=6.0, min_speed=0.75, max_speed=1.33)
CALIBRATION = 48  # scenes from which the log prior of stems is taken
VALIDATION_SECONDS = 6.0
VALIDATION_SCENES = 24


@dataclass
class AmbisonizerTask:
    """Task of `training.train` for the model "ambisonizer"; made by `ambisonizer_task`."""

    config: AmbisonizerConfig
    sources: Mapping[str, Any]
    model: Ambisonizer
    examples: Examples
    validation: Mapping[str, np.ndarray]
    name: str = "ambisonizer"

    def loss(
        self, model: Any, batch: Mapping[str, Tensor], progress: float
    ) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        """Loss of a batch of scenes, and its parts."""
        names = ("stems", "stage", "expected", "staged")
        parts = model(*(batch[name] for name in names))
        loss = parts.pop("loss")
        return loss, {name: part.detach() for name, part in parts.items()}

    def validate(self, model: Any) -> Mapping[str, float]:
        """Figures on songs and rooms not trained on.

        "snr" of X and its "level" against truth on the stage that can be expected, dB; means.
        "score" is the SNR.
        """
        found: dict[str, list[float]] = {"snr": [], "level": []}
        device = next(model.parameters()).device
        names = ("stems", "stage", "expected")
        for stems, stage, expected in zip(*(self.validation[x] for x in names), strict=True):
            truth = torch.from_numpy(combined(stems, stage))[None].to(device)
            told = torch.from_numpy(expected)[None].to(device)
            x = model.front(model.spectra(truth[:, :2]), told)
            made = model.spectra.inverse(x[:, :, None], truth.shape[-1])
            found["snr"].append(float(losses.snr(truth[:, 2:], made).mean()))
            level = made.square().sum() / truth[:, 2].square().sum()
            found["level"].append(float(10.0 * (level + 1e-9).log10()))
        figures = {name: float(np.nanmean(values)) for name, values in found.items()}
        return {**figures, "score": figures["snr"]}


def ambisonizer_task(
    start: AmbisonizerConfig | Ambisonizer,
    roots: Any,
    rooms: Sequence[str | os.PathLike[str]] = (),
    *,
    masks: StemMasks | None = None,
    room_format: str = "ambix1",
    splits: Mapping[str, str] | None = None,
    batch_size: int = 8,
    shards: int = 1,
    seed: int = 0,
) -> AmbisonizerTask:
    """Task on stems from several roots, in rooms.

    Parameters
    ----------
    start : config or model
        A new model's shape, or a model to go on with.
    roots, splits
        Of `ExcerptConfig`: songs to train on and, held out of these, to validate on.
    rooms : sequence of path
        Of `RoomResponses`, which also holds some out; none are needed where the config has mixes
        only.
    masks : StemMasks, optional
        What a new model begins with, such as those of a style VAE, instead of chance.
    room_format : str
        What measured responses are.
    batch_size, shards
        Of `ShardedScenes`; as many shards as workers.
    seed : int
        Of the model's first weights and of all examples.
    """
    config = start if isinstance(start, AmbisonizerConfig) else start.config
    rate = config.sample_rate
    songs = ExcerptConfig(
        datasets=roots,
        splits=splits or {},
        seconds=VALIDATION_SECONDS,
        sample_rate=rate,
        stereo=True,
    )
    shares = {"mix": config.mixes, "staged": config.staged, "uniform": config.uniform}

    def scenes(split: str, excerpts: StemExcerpts) -> AmbisonicScenes:
        heard = None
        if config.staged or config.uniform:
            heard = RoomResponses(
                rooms, split, rate, seed=seed, format=room_format, dry_below=config.dry_below
            )
        images = config.images if split == "train" else 0.0
        return AmbisonicScenes(
            excerpts, heard, seed=seed, shares=shares, plain=config.plain, images=images
        )

    training = scenes(
        "train",
        StemExcerpts(
            replace(
                songs,
                seconds=config.seconds,
                seed=seed,
                min_active=config.sounding,
                coherent=0.4,
                augmentation=AUGMENTATION,
            )
        ),
    )
    valid = StemExcerpts(
        # Coherent, as users upmix whole songs.
        replace(songs, split="valid", coherent=1.0, min_active=3, reuse=1.0)
    )
    validation = scenes("valid", valid).scenes(range(VALIDATION_SCENES))
    model = start if isinstance(start, Ambisonizer) else _new_model(config, training, masks, seed)
    sources = {
        "stems": [[str(root), float(weight)] for root, weight in roots],
        "rooms": [str(root) for root in rooms],
        "room_format": room_format,
        "splits": dict(splits or {}),
        "workers": shards,
    }
    return AmbisonizerTask(
        config, sources, model, ShardedScenes(training, batch_size, shards), validation
    )


def _new_model(
    config: AmbisonizerConfig, scenes: AmbisonicScenes, masks: StemMasks | None, seed: int
) -> Ambisonizer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Ambisonizer(config)
    if masks:
        model.masks.load_state_dict(masks.state_dict())
    else:
        calibrate(model, scenes.scenes(range(CALIBRATION)))
    return model


@torch.no_grad()
def calibrate(model: Ambisonizer, scenes: Mapping[str, np.ndarray]) -> None:
    """Give the masks what is known before training: scales of features, prior of stems."""
    features, shares = [], []
    for stems in torch.from_numpy(scenes["stems"]).split(4):
        powers = Moments.of(model.spectra(stems[:, :, 0]), model.resolution).powers
        shares.append(powers / (powers.sum(2, keepdim=True) + 1e-9))
        pair = Moments.of(model.spectra(stems.sum(1)[:, :2]), model.resolution)
        features.append(model.masks.features(model.to_sides(pair)))
    model.masks.calibrate(torch.cat(features), torch.cat(shares))
