"""How the style-transfer VAE is trained: on which scenes, towards what, judged how."""

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
from spatialkit_models.modules import Moments
from spatialkit_models.style_vae.network import CHANNELS, FastConfig, FastStyleVAE
from spatialkit_models.style_vae.published import PaperConfig, PaperStyleVAE
from spatialkit_models.training import Examples

__all__ = ["PRESETS", "RecordedScenes", "StyleTask", "style_task"]

PRESETS: dict[str, FastConfig | PaperConfig] = {"fast": FastConfig(), "paper": PaperConfig()}
CALIBRATION = 48  # scenes from which the log prior of stems is taken
VALIDATION_SECONDS = 6.0
VALIDATION_SCENES = 24
# Degrees of direction that are worth a dB, where one figure has to say which weights are better.
DEGREES_PER_DB = 10.0


@dataclass(frozen=True)
class RecordedScenes:
    """Recordings as scenes: channels in place of stems, each at its loudspeaker.

    Target and style are the recording, the stereo is its fold-down.

    Parameters
    ----------
    recordings : FiveChannelExcerpts
        Where they come from.
    """

    recordings: FiveChannelExcerpts

    @property
    def seconds(self) -> float:
        """Length of the audio of a scene."""
        return self.recordings.seconds

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        """Make the scenes of these numbers: arrays as those of `StyleScenes.scenes`."""
        five = self.recordings.scenes(numbers)["five"]
        gains = np.tile(np.eye(CHANNELS, dtype=np.float32), (len(five), 1, 1))
        return {
            "stems": five,
            "style_stems": five,
            "gains": gains,
            "style_gains": gains,
            "seed_gains": stereo_downmix(gains).swapaxes(1, 2),
        }


@dataclass
class StyleTask:
    """Task of `training.train` for the model "style-vae"; made by `style_task`."""

    config: FastConfig | PaperConfig
    sources: Mapping[str, Any]
    model: FastStyleVAE | PaperStyleVAE
    examples: Examples
    validation: Mapping[str, np.ndarray]
    name: str = "style-vae"

    def loss(
        self, model: Any, batch: Mapping[str, Tensor], progress: float
    ) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        """Loss of a batch of scenes, and its parts."""
        names = ("stems", "style_stems", "gains", "seed_gains", "style_gains")
        parts = model(*(batch[name] for name in names), progress)
        loss = parts.pop("loss")
        return loss, {name: part.detach() for name, part in parts.items()}

    def validate(self, model: Any) -> Mapping[str, float]:
        """Figures on songs not trained on: the style from another song in the same directions.

        "snr" over all channels, dB; "angle" of stems, degrees; "level" of the upmix against the
        target, dB; all means, of what the decoder takes out, without what it leaves over. "score"
        is the SNR less a tenth of the angle.
        """
        found: dict[str, list[float]] = {"snr": [], "angle": [], "level": []}
        device = next(model.parameters()).device
        for number in range(len(self.validation["stems"])):
            scene = {
                name: torch.from_numpy(array[number : number + 1]).to(device)
                for name, array in self.validation.items()
            }
            target = mix(scene["stems"], scene["gains"])
            style = model.spectra(mix(scene["style_stems"], scene["style_gains"]))
            stereo = mix(scene["stems"], scene["seed_gains"])
            made = model.decode(model.spectra(stereo), model.encode(style).mean)
            upmix = model.spectra.inverse(made, target.shape[-1])
            angle = losses.angle_error(scene["stems"], upmix, scene["azimuth"], "5.0")
            found["angle"].append(float(torch.nanmean(angle)))
            found["snr"].append(float(losses.snr(target, upmix).mean()))
            level = upmix.square().sum() / target.square().sum()
            found["level"].append(float(10.0 * level.log10()))
        figures = {name: float(np.nanmean(values)) for name, values in found.items()}
        return {**figures, "score": figures["snr"] - figures["angle"] / DEGREES_PER_DB}


def style_task(
    start: FastConfig | PaperConfig | FastStyleVAE | PaperStyleVAE,
    roots: Any,
    *,
    recordings: str | os.PathLike[str] | None = None,
    splits: Mapping[str, str] | None = None,
    batch_size: int = 8,
    shards: int = 1,
    seed: int = 0,
) -> StyleTask:
    """Task on stems from several roots, or on recordings.

    Parameters
    ----------
    start : config or model
        A new model's shape, or a model to go on with.
    roots, splits
        Of `ExcerptConfig`: songs to train on and, held out of these, to validate on.
    recordings : path, optional
        Folder of five-channel music (see `FiveChannelExcerpts`) to train on in place of stems,
        as the paper does in the end; the songs are for validation only.
    batch_size, shards
        Of `ShardedScenes`; as many shards as workers.
    seed : int
        Of the model's first weights and of all examples.
    """
    config = start if isinstance(start, (FastConfig, PaperConfig)) else start.config
    rate = config.sample_rate
    songs = ExcerptConfig(
        datasets=roots, splits=splits or {}, seconds=VALIDATION_SECONDS, sample_rate=rate
    )
    source: StyleScenes | RecordedScenes
    if recordings is None:
        source = StyleScenes(
            StemExcerpts(
                replace(songs, seconds=config.seconds, seed=seed, min_active=config.sounding)
            ),
            seed=seed,
            protocol=config.protocol,
            cross_song=config.cross_song,
            level_db=config.level_db,
            paired=config.paired,
        )
    else:
        source = RecordedScenes(FiveChannelExcerpts(recordings, config.seconds, rate, seed=seed))
    valid = StemExcerpts(
        # Coherent, as users upmix whole songs.
        replace(songs, split="valid", coherent=1.0, min_active=3, reuse=1.0)
    )
    validation = StyleScenes(valid).batch(0, VALIDATION_SCENES)
    model = (
        _new_model(start, source, seed) if isinstance(start, (FastConfig, PaperConfig)) else start
    )
    sources = {
        "stems": [[str(root), float(weight)] for root, weight in roots],
        "splits": dict(splits or {}),
        "recordings": None if recordings is None else str(recordings),
        "workers": shards,
    }
    return StyleTask(config, sources, model, ShardedScenes(source, batch_size, shards), validation)


def _new_model(
    config: FastConfig | PaperConfig, source: StyleScenes | RecordedScenes, seed: int
) -> FastStyleVAE | PaperStyleVAE:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if isinstance(config, PaperConfig):
            return PaperStyleVAE(config)
        model = FastStyleVAE(config)
    if isinstance(source, RecordedScenes):
        raise OptionError(
            "the fast model learns from stems what instruments are: start recordings from a "
            "model that was trained"
        )
    calibrate(model, source.batch(0, CALIBRATION))
    return model


@torch.no_grad()
def calibrate(model: FastStyleVAE, scenes: Mapping[str, np.ndarray]) -> None:
    """Give the masks what is known before training: scales of features, prior of stems."""
    stems = torch.from_numpy(scenes["stems"])
    gains = torch.from_numpy(scenes["seed_gains"])
    features, shares = [], []
    for stem, gain in zip(stems.split(4), gains.split(4), strict=True):
        moments = Moments.of(model.spectra(stem), model.resolution)
        entered = moments.powers * gain.square().sum(-1)[:, None, :, None]
        shares.append(entered / (entered.sum(2, keepdim=True) + 1e-9))
        features.append(model.masks.features(moments.mixed(gain)))
    model.masks.calibrate(torch.cat(features), torch.cat(shares))
