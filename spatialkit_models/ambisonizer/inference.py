"""The Ambisonizer at work: its weights loaded, arrays in, AmbiX out.

Of both networks, our own (`ambisonizer`) and the published one (`ambisonizer_published`), only
what cannot be known is taken. W is the mean of the input's channels, to the bit; so is Y half of
their difference where stereo is taken as the natural pair, L = W + Y and R = W - Y.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spatialkit.errors import OptionError
from spatialkit.upmixing import AllPassDecorrelator
from spatialkit.validation import as_choice
from spatialkit_models.ambisonizer.network import Ambisonizer
from spatialkit_models.ambisonizer.published import (
    MODEL,
    PublishedAmbisonizer,
    fold_weight_norm,
)
from spatialkit_models.data.scenes import AHEAD, NO_AMBIENCE, mono_gains
from spatialkit_models.weights import WeightsError, load_weights, shipped, state_of

__all__ = [
    "MODEL",
    "AmbisonizerModel",
    "PublishedModel",
    "Scene",
    "StageModel",
    "ambix",
    "latent_noise",
    "load_ambisonizer_model",
]

VARIANTS = ("stage", "published")
CONDITIONINGS = ("natural", "published")
# Seconds that a network hears at once, and by which windows overlap.
SECONDS, OVERLAP = 10, 2
# Hz from which on stems of mono are as wide as they are said to be.
WIDE_FROM = 200.0
# RMS at which networks hear audio, whatever its level.
LEVEL = 0.1
# Frames of noise that are drawn at a time.
NOISE_FRAMES = 1024
# Gain of a first-order harmonic in N3D, in which the published network has them, against SN3D.
N3D = 3.0**0.5
# From 22.5 degrees, where the published pair has its left, to 90.
TURN = np.deg2rad(67.5)


@dataclass(frozen=True)
class Scene:
    """What is asked of a model where the input leaves it open.

    Parameters
    ----------
    stage : tuple of float
        Of vocals, drums, bass and other, from -1, behind, to 1, ahead. The published network
        knows no stems.
    seed : int
        Which of many answers: of mono, and of the published network's latent. 0 is the likeliest.
    conditioning : {"natural", "published"}
        What stereo is taken for, see `PublishedModel`. Our own network knows the natural pair only.
    ambience : float
        Level of what of stereo has no place, dB; -60 is none. Our own network's alone.
    """

    stage: tuple[float, ...] = AHEAD
    seed: int = 0
    conditioning: str = "natural"
    ambience: float = NO_AMBIENCE

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "conditioning", as_choice(self.conditioning, "conditioning", CONDITIONINGS)
        )


class AmbisonizerModel(ABC):
    """A trained network for arrays: spectra, level and device are its own business.

    Parameters
    ----------
    network : Ambisonizer or PublishedAmbisonizer
        In evaluation mode. It is moved to CUDA where there is one.
    sha256 : str
        Of its weights.

    Attributes
    ----------
    variant : str
        "stage" or "published".
    name : str
        "ambisonizer-stage" or "ambisonizer-published".
    conditionings : tuple of str
        That it knows.
    sample_rate : int
        Hz that the network hears.
    window, overlap : int
        Samples that it is best given at once, and by which windows should overlap.
    """

    variant: str
    conditionings: tuple[str, ...]

    def __init__(self, network: Ambisonizer | PublishedAmbisonizer, sha256: str) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network: Any = network.to(self.device)
        self.sha256 = sha256
        self.name = f"{MODEL}-{self.variant}"
        self.sample_rate: int = network.config.sample_rate
        self.window, self.overlap = SECONDS * self.sample_rate, OVERLAP * self.sample_rate

    def foa(self, audio: NDArray[Any], **scene: Any) -> NDArray[np.float32]:
        """First-order Ambisonics of audio, all of it heard at once.

        Parameters
        ----------
        audio : ndarray, shape (1 or 2, samples)
            At `sample_rate`.
        **scene
            Of `Scene`.

        Returns
        -------
        ndarray of float32, shape (4, samples)
            AmbiX: W, Y, Z = 0, X.
        """
        return ambix(audio, self.unknown(audio, Scene(**scene))).astype(np.float32)

    @torch.inference_mode()
    def unknown(self, audio: NDArray[Any], scene: Scene, start: int = 0) -> NDArray[np.float32]:
        """What the input itself does not say: X, (1, samples), or Y and X, (2, samples).

        ``start`` is the sample of the song that audio (1 or 2, samples) starts with.
        """
        self.require(scene)
        pair = _natural_pair(audio)
        rms = float(np.sqrt(np.mean(np.square(pair, dtype=np.float64)))) if pair.size else 0.0
        if not rms:
            rows = 1 if len(pair) == 2 and scene.conditioning == "natural" else 2
            return np.zeros((rows, pair.shape[1]), np.float32)
        heard = np.multiply(pair, LEVEL / rms, dtype=np.float64).astype(np.float32)
        made = self._made(torch.from_numpy(heard).to(self.device), scene, start)
        return made.cpu().numpy() * np.float32(rms / LEVEL)

    def require(self, scene: Scene) -> None:
        """Raise an `OptionError` if the network cannot make such a scene."""
        if scene.conditioning not in self.conditionings:
            raise OptionError(
                f"conditioning {scene.conditioning!r} is not for the variant {self.variant!r}, "
                f"which accepts: {', '.join(self.conditionings)}"
            )

    @abstractmethod
    def _made(self, pair: Tensor, scene: Scene, start: int) -> Tensor:
        """`unknown` of W, (1, samples), or W and Y, (2, samples), on the device."""


class StageModel(AmbisonizerModel):
    """Our own network: X of stereo on a stage, Y and X of mono in scenes by seed."""

    variant = "stage"
    conditionings = ("natural",)

    def _made(self, pair: Tensor, scene: Scene, start: int) -> Tensor:
        samples = pair.shape[1]
        if len(pair) == 2:
            stage = torch.tensor([scene.stage], dtype=torch.float32, device=self.device)
            spectrum = self.network.stft(pair[None])
            made = self.network(spectrum, stage)[:, :, None]
            if scene.ambience > NO_AMBIENCE:
                twin = self.network.stft(self._twin(pair[:1])[None])[:, :, 0]
                level = 10.0 ** (scene.ambience / 20.0)
                made = made + level * self.network.ambience(spectrum, twin)[:, :, None]
        else:
            gains = torch.from_numpy(mono_gains(scene.seed, scene.stage))[None].to(self.device)
            both = self.network.stft(torch.cat([pair, self._twin(pair)])[None])
            made = self.network.place(both * self._widths(), gains)[:, :, 1:]
        return self.network.stft.inverse(made, samples)[0]

    def _widths(self) -> Tensor:
        """Gains of W and its twin, (2, bins): all-passes put low notes to one side."""
        stft = self.network.stft
        bins = torch.arange(stft.n_fft // 2 + 1, device=self.device)
        rising = (bins * (self.sample_rate / stft.n_fft / WIDE_FROM)).clamp_max(1.0)
        return torch.stack([torch.ones_like(rising), rising])

    def _twin(self, mono: Tensor) -> Tensor:
        """Mono (1, samples) through the all-passes of "foa-mono".

        They begin anew with each window: what rings on from before it is 70 dB down where the
        window's margin ends.
        """
        passed = mono[0].cpu().numpy()
        passed = AllPassDecorrelator(self.sample_rate, passed.dtype).process(passed)
        return torch.from_numpy(passed)[None].to(self.device)


class PublishedModel(AmbisonizerModel):
    """The published network, in AmbiX.

    It hears stereo as opposed microphones at 22.5 and 202.5 degrees, and makes X and Y in N3D.
    With the natural conditioning it is given W + sqrt(3) Y and W - sqrt(3) Y, what such a pair
    would be of a scene turned by -67.5 degrees; the scene that it finds is turned back, and of
    that X alone is taken: Y is known. With the published conditioning left and right are taken
    for its pair as they are, and X and Y as it makes them: what is on the left of a song comes
    from ahead, what is on its right from behind. Of mono it makes Y and X from the latent's prior,
    turned likewise.
    """

    variant = "published"
    conditionings = CONDITIONINGS

    def __init__(self, network: PublishedAmbisonizer, sha256: str) -> None:
        super().__init__(network, sha256)
        fold_weight_norm(network)
        # Whole frames of the latent: windows then agree in which noise is whose.
        hop = network.config.hop
        self.window = self.window // hop * hop
        self.overlap = self.overlap // hop * hop

    def _made(self, pair: Tensor, scene: Scene, start: int) -> Tensor:
        config, natural = self.network.config, scene.conditioning == "natural"
        if len(pair) == 2:
            side = pair[1:] * (N3D if natural else 1.0)
            audio = torch.cat([pair[:1] + side, pair[:1] - side])
        else:
            audio = pair
        noise = None
        if scene.seed:
            first, frames = round(start / config.hop), self.network.frames(pair.shape[1])
            drawn = latent_noise(scene.seed, first, frames, config.latent_size)
            noise = torch.from_numpy(drawn)[None].to(self.device)
        _, x, y = self.network.ambisonics(audio[None], noise)[0] / N3D
        if not natural:
            return torch.stack([y, x])
        ahead = np.cos(TURN) * x - np.sin(TURN) * y
        if len(pair) == 2:
            return ahead[None]
        return torch.stack([np.sin(TURN) * x + np.cos(TURN) * y, ahead])


def latent_noise(seed: int, first: int, frames: int, size: int) -> NDArray[np.float32]:
    """Standard normal noise (frames, size) of a song's frames from ``first`` on.

    Of each frame it is a pure function of seed and number, however a song is cut into windows.

    Examples
    --------
    >>> bool(np.array_equal(latent_noise(1, 0, 2000, 3)[1500:], latent_noise(1, 1500, 500, 3)))
    True
    """
    numbers = range(first // NOISE_FRAMES, (first + frames - 1) // NOISE_FRAMES + 1)
    drawn = np.concatenate([_noise_block(seed, number, size) for number in numbers])
    offset = first - numbers[0] * NOISE_FRAMES
    return drawn[offset : offset + frames]


@lru_cache(maxsize=4)
def _noise_block(seed: int, number: int, size: int) -> NDArray[np.float32]:
    rng = np.random.default_rng([seed, number])
    return rng.standard_normal((NOISE_FRAMES, size), np.float32)


def _natural_pair(audio: NDArray[Any]) -> NDArray[Any]:
    """W, (1, samples), of mono; W and Y, (2, samples), of stereo."""
    if len(audio) == 1:
        return audio
    left, right = audio
    return np.stack([0.5 * (left + right), 0.5 * (left - right)])


def ambix(audio: NDArray[Any], unknown: NDArray[Any]) -> NDArray[Any]:
    """W, Y, Z and X (4, samples) of audio and what `AmbisonizerModel.unknown` says of it.

    In the dtype of ``audio``.

    Examples
    --------
    >>> ambix(np.array([[0.3], [0.1]]), np.array([[0.2]])).ravel().round(3)
    array([0.2, 0.1, 0. , 0.2])
    """
    result = np.zeros((4, audio.shape[1]), audio.dtype)
    pair = _natural_pair(audio)
    result[: len(pair)] = pair
    if len(unknown) == 2:
        result[1] = unknown[0]
    result[3] = unknown[-1]
    return result


def load_ambisonizer_model(variant: str = "stage", weights: str | Path = "") -> AmbisonizerModel:
    """Model with the shipped weights, or with those in a file.

    It is kept: another call with the same file returns the same model.

    Parameters
    ----------
    variant : {"stage", "published"}
        Our own network or the published one, whose weights do not ship.
    weights : str or Path
        A file of either, instead; "" for none.

    Raises
    ------
    WeightsError
        If there are no such weights, or they are not whole and sound.
    """
    variant = as_choice(variant, "variant", VARIANTS)
    if variant == "published" and not weights:
        raise WeightsError(
            "the variant 'published' needs weights=: they do not ship, as they were made of music "
            "for non-commercial use; spatialkit convert-checkpoint makes them of the authors' "
            "checkpoint"
        )
    path = Path(weights) if weights else shipped(f"{MODEL}-{variant}")
    return _load(path, *state_of(path))


@lru_cache(maxsize=2)
def _load(path: Path, changed: int, size: int) -> AmbisonizerModel:
    network, card = load_weights(path, MODEL)
    network.requires_grad_(False)
    if isinstance(network, PublishedAmbisonizer):
        return PublishedModel(network, card.sha256)
    return StageModel(network, card.sha256)
