"""Inference with the Ambisonizer on NumPy arrays.

Only the channels that do not follow from the input are predicted, by either network ("stage" or
"published"). W is exactly the mean of the input channels; with the natural conditioning, L = W + Y
and R = W - Y, Y is exactly half their difference.
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
from torch import Tensor, nn

from spatialkit.errors import OptionError
from spatialkit.upmixing import AllPassDecorrelator
from spatialkit.validation import as_choice
from spatialkit_models.ambisonizer.network import Ambisonizer
from spatialkit_models.ambisonizer.published import (
    MODEL,
    PublishedAmbisonizer,
    fold_weight_norm,
)
from spatialkit_models.data.scenes import ALL_FRONT, NO_AMBIENCE, mono_gains
from spatialkit_models.modules import Covariance
from spatialkit_models.separation import MaskModel, load_mask_model
from spatialkit_models.weights import WeightsError, load_weights, shipped, state_of

__all__ = [
    "MODEL",
    "WIDE_FROM",
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
# Length of the input window of a network and overlap of windows, in seconds.
SECONDS, OVERLAP = 10, 2
# Frequency in Hz above which stems of mono have their full width.
WIDE_FROM = 200.0
# RMS that the input of networks is normalized to.
LEVEL = 0.1
# Frames of noise that are generated at a time.
NOISE_FRAMES = 1024
# Gain of first-order harmonics in N3D, which the published network uses, relative to SN3D.
N3D = 3.0**0.5
# Rotation from 22.5 degrees, the left microphone of the published pair, to 90 degrees.
ROTATION = np.deg2rad(67.5)


@dataclass(frozen=True)
class Scene:
    """Conditions of a prediction that the input does not determine.

    Parameters
    ----------
    stage : tuple of float
        Front-rear position of vocals, drums, bass and other, from -1 (rear) to 1 (front). The
        published network has no stems and ignores it.
    seed : int
        Seed of the scene of mono, or of the latent of the published network; 0 is the most likely.
    conditioning : {"natural", "published"}
        Interpretation of stereo, see `PublishedModel`; the stage network accepts "natural" only.
    ambience : float
        Level of the ambience in X in dB, -60 for none; the published network ignores it.
    """

    stage: tuple[float, ...] = ALL_FRONT
    seed: int = 0
    conditioning: str = "natural"
    ambience: float = NO_AMBIENCE

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "conditioning", as_choice(self.conditioning, "conditioning", CONDITIONINGS)
        )


class AmbisonizerModel(ABC):
    """Trained network that takes and returns arrays.

    It computes spectra, normalizes levels and moves data to and from the device.

    Parameters
    ----------
    network : Ambisonizer or PublishedAmbisonizer
        Network in evaluation mode; it is moved to CUDA if that is available.
    sha256 : str
        SHA-256 of its weights.

    Attributes
    ----------
    variant : str
        "stage" or "published".
    name : str
        "ambisonizer-stage" or "ambisonizer-published".
    conditionings : tuple of str
        Accepted values of `Scene.conditioning`.
    sample_rate : int
        Sample rate of the network in Hz.
    window, overlap : int
        Recommended length of input windows and their overlap, in samples.
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
        """Upmix audio to first-order Ambisonics in a single window.

        Parameters
        ----------
        audio : ndarray, shape (1 or 2, samples)
            Mono or stereo at `sample_rate`.
        **scene
            Parameters of `Scene`.

        Returns
        -------
        ndarray of float32, shape (4, samples)
            AmbiX: W, Y, Z = 0, X.
        """
        return ambix(audio, self.predict(audio, Scene(**scene))).astype(np.float32)

    @torch.inference_mode()
    def predict(self, audio: NDArray[Any], scene: Scene, start: int = 0) -> NDArray[np.float32]:
        """Predict the missing channels: X, (1, samples), or Y and X, (2, samples).

        Parameters
        ----------
        audio : ndarray, shape (1 or 2, samples)
            Mono or stereo at `sample_rate`.
        scene : Scene
            Conditions of the prediction.
        start : int
            Index of the first sample of ``audio`` in the song.
        """
        self.require(scene)
        pair = _natural_pair(audio)
        rms = float(np.sqrt(np.mean(np.square(pair, dtype=np.float64)))) if pair.size else 0.0
        if not rms:
            rows = 1 if len(pair) == 2 and scene.conditioning == "natural" else 2
            return np.zeros((rows, pair.shape[1]), np.float32)
        scaled = np.multiply(pair, LEVEL / rms, dtype=np.float64).astype(np.float32)
        predicted = self._predict(torch.from_numpy(scaled).to(self.device), scene, start)
        return predicted.cpu().numpy() * np.float32(rms / LEVEL)

    def require(self, scene: Scene) -> None:
        """Raise an OptionError if the network does not support the conditions."""
        if scene.conditioning not in self.conditionings:
            raise OptionError(
                f"conditioning {scene.conditioning!r} is not supported by the variant "
                f"{self.variant!r}; accepted: {', '.join(map(repr, self.conditionings))}"
            )

    @abstractmethod
    def _predict(self, pair: Tensor, scene: Scene, start: int) -> Tensor:
        """Predict from W, (1, samples), or W and Y, (2, samples), on the device."""


class StageModel(AmbisonizerModel):
    """Stage network: X of stereo on a stage, Y and X of mono in scenes by seed.

    Parameters
    ----------
    network, sha256
        As in `AmbisonizerModel`.
    masks : MaskModel, optional
        Masks of the stems; by default those of the network itself.
    """

    variant = "stage"
    conditionings = ("natural",)

    def __init__(self, network: Ambisonizer, sha256: str, masks: MaskModel | None = None) -> None:
        super().__init__(network, sha256)
        self._mask_model = masks

    def _predict(self, pair: Tensor, scene: Scene, start: int) -> Tensor:
        # Frames begin at multiples of the hop in the song, for all windows.
        early = start % self.network.stft.hop_length
        pair = nn.functional.pad(pair, (early, 0))
        samples = pair.shape[1]
        if len(pair) == 2:
            stage = torch.tensor([scene.stage], dtype=torch.float32, device=self.device)
            spectrum = self.network.stft(pair[None])
            predicted = self.network(spectrum, stage, self._masks(spectrum))[:, :, None]
            if scene.ambience > NO_AMBIENCE:
                copy = self.network.stft(self._decorrelated(pair[:1])[None])[:, :, 0]
                level = 10.0 ** (scene.ambience / 20.0)
                ambience = self.network.ambience(spectrum, copy)[:, :, None]
                predicted = predicted + level * ambience
        else:
            gains = torch.from_numpy(mono_gains(scene.seed, scene.stage))[None].to(self.device)
            both = self.network.stft(torch.cat([pair, self._decorrelated(pair)])[None])
            centred = both * both.new_tensor([1.0, 0.0])[:, None]
            placed = self.network.place(both * self._widths(), gains, self._masks(centred))
            predicted = placed[:, :, 1:]
        return self.network.stft.inverse(predicted, samples)[0, :, early:]

    def _masks(self, pair: Tensor) -> Tensor | None:
        """Return the masks of a spectrum of W and Y, or None for those of the network."""
        if self._mask_model is None:
            return None
        covariance = Covariance.of(pair, self.network.resolution)
        return self._mask_model.masks_of(self.network.to_left_right(covariance))

    def _widths(self) -> Tensor:
        """Return gains of W and its decorrelated copy, (2, bins).

        The copy is reduced at low frequencies, which the all-passes would move to one side.
        """
        stft = self.network.stft
        bins = torch.arange(stft.n_fft // 2 + 1, device=self.device)
        rising = (bins * (self.sample_rate / stft.n_fft / WIDE_FROM)).clamp_max(1.0)
        return torch.stack([torch.ones_like(rising), rising])

    def _decorrelated(self, mono: Tensor) -> Tensor:
        """Filter mono (1, samples) by the all-passes of "foa-mono".

        Their state is reset in each window: the decay of earlier input is below -70 dB at the end
        of the margin of the window.
        """
        passed = mono[0].cpu().numpy()
        passed = AllPassDecorrelator(self.sample_rate, passed.dtype).process(passed)
        return torch.from_numpy(passed)[None].to(self.device)


class PublishedModel(AmbisonizerModel):
    """Published network with AmbiX output.

    The network interprets stereo as two opposed microphones at 22.5 and 202.5 degrees and predicts
    X and Y in N3D. With the natural conditioning its input is W + sqrt(3) Y and W - sqrt(3) Y, the
    signals of such a pair in a scene rotated by -67.5 degrees; the predicted scene is rotated
    back, and only X is used, as Y is known. With the published conditioning, left and right are
    the microphones and X and Y are used as predicted: the left of a song is in front, the right in
    the rear. For mono, Y and X are predicted from the prior of the latent, rotated likewise.
    """

    variant = "published"
    conditionings = CONDITIONINGS

    def __init__(self, network: PublishedAmbisonizer, sha256: str) -> None:
        super().__init__(network, sha256)
        fold_weight_norm(network)
        # Whole frames of the latent, so that overlapping windows use the same noise.
        hop = network.config.hop
        self.window = self.window // hop * hop
        self.overlap = self.overlap // hop * hop

    def _predict(self, pair: Tensor, scene: Scene, start: int) -> Tensor:
        config, natural = self.network.config, scene.conditioning == "natural"
        if len(pair) == 2:
            side = pair[1:] * (N3D if natural else 1.0)
            audio = torch.cat([pair[:1] + side, pair[:1] - side])
        else:
            audio = pair
        noise = None
        if scene.seed:
            first, frames = round(start / config.hop), self.network.frames(pair.shape[1])
            block = latent_noise(scene.seed, first, frames, config.latent_size)
            noise = torch.from_numpy(block)[None].to(self.device)
        _, x, y = self.network.ambisonics(audio[None], noise)[0] / N3D
        if not natural:
            return torch.stack([y, x])
        front = np.cos(ROTATION) * x - np.sin(ROTATION) * y
        if len(pair) == 2:
            return front[None]
        return torch.stack([np.sin(ROTATION) * x + np.cos(ROTATION) * y, front])


def latent_noise(seed: int, first: int, frames: int, size: int) -> NDArray[np.float32]:
    """Return standard normal noise (frames, size) for frames of a song from ``first`` on.

    The noise of a frame depends on the seed and its number only, not on the windows of a song.

    Examples
    --------
    >>> bool(np.array_equal(latent_noise(1, 0, 2000, 3)[1500:], latent_noise(1, 1500, 500, 3)))
    True
    """
    numbers = range(first // NOISE_FRAMES, (first + frames - 1) // NOISE_FRAMES + 1)
    noise = np.concatenate([_noise_block(seed, number, size) for number in numbers])
    offset = first - numbers[0] * NOISE_FRAMES
    return noise[offset : offset + frames]


@lru_cache(maxsize=4)
def _noise_block(seed: int, number: int, size: int) -> NDArray[np.float32]:
    rng = np.random.default_rng([seed, number])
    return rng.standard_normal((NOISE_FRAMES, size), np.float32)


def _natural_pair(audio: NDArray[Any]) -> NDArray[Any]:
    """Return W, (1, samples), of mono, or W and Y, (2, samples), of stereo."""
    if len(audio) == 1:
        return audio
    left, right = audio
    return np.stack([0.5 * (left + right), 0.5 * (left - right)])


def ambix(audio: NDArray[Any], predicted: NDArray[Any]) -> NDArray[Any]:
    """Return AmbiX (4, samples) of audio and its prediction by `AmbisonizerModel.predict`.

    The result has the dtype of ``audio``.

    Examples
    --------
    >>> ambix(np.array([[0.3], [0.1]]), np.array([[0.2]])).ravel().round(3)
    array([0.2, 0.1, 0. , 0.2])
    """
    result = np.zeros((4, audio.shape[1]), audio.dtype)
    pair = _natural_pair(audio)
    result[: len(pair)] = pair
    if len(predicted) == 2:
        result[1] = predicted[0]
    result[3] = predicted[-1]
    return result


def load_ambisonizer_model(variant: str = "stage", weights: str | Path = "") -> AmbisonizerModel:
    """Load the shipped weights, or those in a file.

    Models are cached: a second call with the same file returns the same model.

    Parameters
    ----------
    variant : {"stage", "published"}
        Network; weights of the published network are not shipped.
    weights : str or Path
        File of weights of either network that replaces the bundled ones; "" for none.

    Raises
    ------
    WeightsError
        If the weights do not exist or are invalid.
    """
    variant = as_choice(variant, "variant", VARIANTS)
    if variant == "published" and not weights:
        raise WeightsError(
            "the variant 'published' needs weights=: its weights are not shipped, as they were "
            "trained on music for non-commercial use; create them from the authors' checkpoint "
            "with spatialkit convert-checkpoint"
        )
    path = Path(weights) if weights else shipped(f"{MODEL}-{variant}")
    return _load(path, *state_of(path))


@lru_cache(maxsize=2)
def _load(path: Path, changed: int, size: int) -> AmbisonizerModel:
    network, card = load_weights(path, MODEL)
    network.requires_grad_(False)
    if isinstance(network, PublishedAmbisonizer):
        return PublishedModel(network, card.sha256)
    # Weights that share the masks of the package use all networks of its separator.
    return StageModel(network, card.sha256, load_mask_model() if card.shared else None)
