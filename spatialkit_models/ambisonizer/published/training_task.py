"""How the published Ambisonizer is trained: its authors' scenes and loss, judged on held-out songs.

Loss (Zang, Wang and Lee 2024, arXiv 2405.13428): multi-resolution STFT, plus 10 times the mean
square error, plus the divergence of the spatial latent from its prior.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spatialkit.validation import as_number
from spatialkit_models import losses
from spatialkit_models.ambisonizer.published.network import (
    MODEL,
    PublishedAmbisonizer,
    PublishedConfig,
)
from spatialkit_models.data.rooms import RoomResponses
from spatialkit_models.data.scenes import PublishedScenes, ShardedScenes
from spatialkit_models.data.songs import Augmentation, ExcerptConfig, StemExcerpts
from spatialkit_models.training import Examples

__all__ = ["PublishedTask", "PublishedTraining", "published_task"]

ERROR_WEIGHT = 10.0
# What sounded up to so many seconds before a scene is heard in its reverberation.
RUN_IN = 1.0
VALIDATION_SCENES = 24
# Scenes vary stems in a way of their own.
PLAIN = Augmentation(gain_db=0.0, equalizer_db=0.0, min_speed=1.0, max_speed=1.0)


@dataclass(frozen=True, kw_only=True)
class PublishedTraining:
    """What decides the examples and the loss, but not the network.

    Parameters
    ----------
    seconds : float
        Length of an example, at least 0.2; the authors' 120,000 samples by default.
    physical : bool
        Of `PublishedScenes`: whether responses are those from where sources stand.
    divergence : float
        Weight of the divergence of a frame of the latent, in nats.
    """

    seconds: float = 120000 / 44100
    physical: bool = False
    divergence: float = 1.0

    def __post_init__(self) -> None:
        as_number(self.seconds, "seconds", minimum=0.2, unit="s")
        as_number(self.divergence, "divergence", minimum=0.0)


@dataclass
class PublishedTask:
    """Task of `training.train` for the model "ambisonizer"; made by `published_task`.

    What only training needs is in `training` and `sources`, not in `config`, which goes into the
    card of the weights.
    """

    config: PublishedConfig
    training: PublishedTraining
    sources: Mapping[str, Any]
    model: PublishedAmbisonizer
    examples: Examples
    validation: Mapping[str, np.ndarray]
    name: str = MODEL

    def loss(
        self, model: Any, batch: Mapping[str, Tensor], progress: float
    ) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        """Loss of a batch of scenes, and its parts."""
        del progress
        stereo, sides = batch["stereo"], batch["sides"]
        noise = torch.randn(self._frames(stereo), device=stereo.device)
        parts = _parts(sides, *model(stereo, noise))
        loss = (
            parts["stft"]
            + ERROR_WEIGHT * parts["error"]
            + self.training.divergence * parts["divergence"]
        )
        return loss, {name: part.detach() for name, part in parts.items()}

    def validate(self, model: Any) -> Mapping[str, float]:
        """Figures on songs and rooms not trained on, of the mean of the latent.

        "stft" and "error", the parts of the loss; "divergence", nats in a frame of the latent: near
        0 it says nothing of the stereo. "snr" of X and Y together, dB. "score" is minus the loss
        without the divergence.
        """
        device = next(model.parameters()).device
        found: dict[str, list[float]] = {}
        for number in range(len(self.validation["sides"])):
            stereo, sides = (
                torch.from_numpy(self.validation[name][number : number + 1]).to(device)
                for name in ("stereo", "sides")
            )
            made = model(stereo, stereo.new_zeros(self._frames(stereo)))
            parts = {**_parts(sides, *made), "snr": losses.snr(sides, made[0]).mean()}
            for name, part in parts.items():
                found.setdefault(name, []).append(float(part))
        figures = {name: float(np.nanmean(values)) for name, values in found.items()}
        return {**figures, "score": -(figures["stft"] + ERROR_WEIGHT * figures["error"])}

    def _frames(self, stereo: Tensor) -> tuple[int, int, int]:
        """Shape of the latent of a batch."""
        return stereo.shape[0], -(-stereo.shape[-1] // self.config.hop), self.config.latent_size


def _parts(sides: Tensor, made: Tensor, mean: Tensor, log_variance: Tensor) -> dict[str, Tensor]:
    # The divergence of a frame is the sum over what is drawn for it. The authors' code sums over
    # time in place of features: then its weight grows with the length of the examples.
    made = made.float()
    return {
        "stft": losses.multi_resolution_stft(sides, made),
        "error": (made - sides).square().mean(),
        "divergence": losses.gaussian_kl(mean, log_variance).mean(),
    }


def published_task(
    start: PublishedConfig | PublishedAmbisonizer,
    roots: Any,
    rooms: Sequence[str | os.PathLike[str]],
    *,
    splits: Mapping[str, str] | None = None,
    room_format: str = "ambix1",
    batch_size: int = 32,
    shards: int = 1,
    seed: int = 0,
    training: PublishedTraining = PublishedTraining(),
) -> PublishedTask:
    """Task on stems from several roots, in rooms of several folders.

    Parameters
    ----------
    start : config or model
        A new model's shape, or a model to go on with: of `build_published`, as what
        `load_published` gives can no longer be trained.
    roots, splits
        Of `ExcerptConfig`: songs to train on and, held out of these, to validate on.
    rooms, room_format
        Of `RoomResponses`: folders of rooms, held out for validation by rules of their own, and
        what measured responses are.
    batch_size, shards
        Of `ShardedScenes`; as many shards as workers.
    seed : int
        Of the model's first weights and of all examples.
    training : PublishedTraining
        What examples and loss are like.
    """
    config = start if isinstance(start, PublishedConfig) else start.config

    def scenes(split: str, seed: int) -> PublishedScenes:
        rate = config.sample_rate
        excerpts = StemExcerpts(
            ExcerptConfig(
                datasets=roots,
                split=split,
                splits=splits or {},
                seconds=training.seconds + RUN_IN,
                sample_rate=rate,
                seed=seed,
                coherent=1.0,
                augmentation=PLAIN,
                stereo=True,
            )
        )
        responses = RoomResponses(rooms, split, rate, seed=seed, format=room_format)
        return PublishedScenes(
            excerpts, responses, seed=seed, physical=training.physical, run_in=RUN_IN
        )

    examples = scenes("train", seed)
    validation = scenes("valid", 0).scenes(range(VALIDATION_SCENES))
    if isinstance(start, PublishedConfig):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = PublishedAmbisonizer(config)
    else:
        model = start
    sources = {
        "stems": [[str(root), float(weight)] for root, weight in roots],
        "splits": dict(splits or {}),
        "rooms": [str(room) for room in rooms],
        "room_format": room_format,
        "workers": shards,
        **asdict(training),
    }
    dealt = ShardedScenes(examples, batch_size, shards)
    return PublishedTask(config, training, sources, model, dealt, validation)
