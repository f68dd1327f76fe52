"""Inference with the style-transfer VAE on NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spatialkit_models.modules import Covariance, power
from spatialkit_models.separation import MaskModel, load_mask_model
from spatialkit_models.style_vae.example import Segment
from spatialkit_models.style_vae.gains import direction_gains
from spatialkit_models.style_vae.network import CHANNELS, FastStyleVAE
from spatialkit_models.style_vae.place_search import separate_places
from spatialkit_models.style_vae.published import PaperStyleVAE
from spatialkit_models.weights import load_weights, shipped, state_of

__all__ = ["MODEL", "ExampleCode", "StyleModel", "load_style_model"]

MODEL = "style-vae"
# Input length in seconds (whole numbers): the fast network estimates the directions of stems from
# all of it; the memory of the paper's network grows by 100 MB per second.
SECONDS = {"fast": 10, "paper": 2}
# RMS that the input of networks is normalized to.
LEVEL = 0.1
# Number of segments of an example at which every second one is left out.
MAX_SEGMENTS = 12
# Exponent of the masks of the sound at each place alone, chosen on caesium and MIDI pieces of the
# split "valid", and the number of frames that they are computed from at a time.
ALONE, BLOCK = 0.3, 512
# Logarithms of a stem's part of the energy of an example. Below the first one (-40 dB) the example
# lacks the stem. Lower ones are raised to the second, as styles of quieter stems are less exact.
ABSENT, MIN_ENERGY = -4.0, -2.0
TINY = 1e-12


@dataclass(frozen=True)
class ExampleCode:
    """Style of an example.

    Parameters
    ----------
    mean, log_variance : ndarray, shape (latent_size,)
    likelihood : ndarray, shape (stems, stems), optional
        See `StemPlaces`; None for a network without stems.
    """

    mean: NDArray[np.float32]
    log_variance: NDArray[np.float32]
    likelihood: NDArray[np.float32] | None = None


class StyleModel:
    """Trained network that takes and returns arrays.

    It computes spectra, normalizes levels and moves data to and from the device.

    Parameters
    ----------
    network : FastStyleVAE or PaperStyleVAE
        Network in evaluation mode; it is moved to CUDA if that is available.
    sha256 : str
        SHA-256 of its weights.
    masks : MaskModel, optional
        Masks of the fast network's stems; by default those of the network itself.

    Attributes
    ----------
    name : str
        "style-vae-fast" or "style-vae-paper".
    has_stem_masks : bool
        Whether the network separates stems and has gains by stem.
    latent_size : int
        Dimensions of a style.
    sample_rate : int
        Sample rate of the network in Hz.
    seconds : int
        Input length of the network in seconds.
    """

    def __init__(
        self,
        network: FastStyleVAE | PaperStyleVAE,
        sha256: str,
        masks: MaskModel | None = None,
    ) -> None:
        config = network.config
        fast = isinstance(network, FastStyleVAE)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network: Any = network.to(self.device)
        self._mask_model = masks
        self.sha256 = sha256
        self.name = f"{MODEL}-{'fast' if fast else 'paper'}"
        self.seconds = SECONDS["fast" if fast else "paper"]
        self.has_stem_masks = fast
        self.latent_size = config.latent_size
        self.sample_rate = config.sample_rate

    def encode(self, five: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return mean and log variance of the style of non-silent audio (5, samples)."""
        code = self.encode_example([Segment(five)])
        return code.mean, code.log_variance

    @torch.inference_mode()
    def encode_example(
        self, segments: Iterable[Segment], named: NDArray[Any] | None = None
    ) -> ExampleCode:
        """Encode the style of an example in segments, which are not silent.

        The fast network finds one place of each stem in all segments together, or in segments at
        equal distances if there are many. The styles that the paper's network finds are averaged
        with their energies as weights.

        Parameters
        ----------
        segments : iterable of Segment
        named : ndarray, shape (stems, 5), optional
            Gains near which stems are, NaN for stems without a name; for the fast network.
        """
        if self.has_stem_masks:
            return self._encode_places(segments, named)
        means, variances, energies = [], [], []
        for segment in segments:
            code = self.network.encode(self._spectrum(segment.five / _rms(segment.five)))
            means.append(code.mean[0].cpu().numpy())
            variances.append(code.log_variance[0].exp().cpu().numpy())
            energies.append(float(np.square(segment.five, dtype=np.float64).sum()))
        mean = np.average(means, axis=0, weights=energies)
        variance = np.average(variances, axis=0, weights=energies)
        return ExampleCode(mean.astype(np.float32), np.log(variance).astype(np.float32))

    def _encode_places(
        self, segments: Iterable[Segment], named: NDArray[Any] | None
    ) -> ExampleCode:
        network, kept, step, has_stems = self.network, [], 1, False
        for number, segment in enumerate(segments):
            if number % step:
                continue
            covariance = Covariance.of(self._spectrum(segment.five), network.resolution)
            has_stems = segment.stems is not None
            masks = self._masks(network.downmix(covariance), segment.stems)
            kept.append((covariance.products, masks))
            if len(kept) == MAX_SEGMENTS:
                kept, step = kept[::2], 2 * step
        products, masks = (torch.cat(each, 1) for each in zip(*kept, strict=True))
        power = Covariance(products, CHANNELS).powers.sum(2).mean()
        level = LEVEL**2 * network.config.masks.n_fft / power
        five = Covariance(products * level, CHANNELS)
        told = None if named is None else torch.from_numpy(np.float32(named))[None].to(self.device)
        places = network.find_places(five, masks, told, search=True)
        if told is None and not has_stems:
            masks = self._masks_by_place(five, masks, places.features[..., :CHANNELS])
            places = network.find_places(five, masks, search=True)
        lacking = places.features[..., CHANNELS:] < ABSENT
        code = network.encode_features(self._completed(places.features, lacking))
        return ExampleCode(
            code.mean[0].cpu().numpy(),
            code.log_variance[0].cpu().numpy(),
            (places.likelihood * ~lacking)[0].cpu().numpy(),
        )

    def _masks_by_place(self, five: Covariance, masks: Tensor, gains: Tensor) -> Tensor:
        """Combine masks with those of the sound at each place alone, which is easier to name."""
        power, found = five.powers.sum(2), []
        parts = separate_places(five, gains, self.network.sharpness)
        for part, whole in zip(parts.split(BLOCK, 1), power.split(BLOCK, 1), strict=True):
            # A product of left and right for each place, all equal.
            mono = 0.5 * (part * whole[:, :, None]).transpose(0, 2)
            alone = self._masks(Covariance(mono.expand(-1, -1, 3, -1), 2), mono=True)
            found.append(torch.einsum("bspf,psrf->bsrf", part, alone))
        combined = masks.clamp_min(TINY) ** (1.0 - ALONE) * torch.cat(found, 1) ** ALONE
        return combined / combined.sum(2, keepdim=True)

    def _completed(self, features: Tensor, lacking: Tensor) -> Tensor:
        """Return features of an example with the ordinary places of stems that it lacks."""
        gains, energy = features.split([CHANNELS, 1], -1)
        ordinary = torch.from_numpy(direction_gains({})).to(features)
        gains = torch.where(lacking, ordinary, gains)
        return torch.cat([gains, energy.clamp_min(MIN_ENERGY)], -1)

    def _masks(
        self, stereo: Covariance, stems: NDArray[Any] | None = None, *, mono: bool = False
    ) -> Tensor:
        """Return masks from the stems of stereo, or those of the networks."""
        if stems is not None:
            return self._ratios(stems)
        if self._mask_model is not None:
            return self._mask_model.masks_of(stereo, mono=mono)
        logits: Tensor = self.network.masks(stereo)
        return logits.softmax(2)

    def _ratios(self, stems: NDArray[Any]) -> Tensor:
        """Return the ratios of the powers of stems (stems, 2, samples) as masks."""
        resolution = self.network.resolution
        powers = torch.stack(
            [resolution.sum_bins(power(self._spectrum(stem))[0].sum(1)) for stem in stems], 1
        )
        return (powers / (powers.sum(1, keepdim=True) + TINY))[None]

    @torch.inference_mode()
    def encode_stems(
        self, stems: Callable[[], NDArray[Any]], gains: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return mean and log variance of the style of equally loud stems with gains (stems, 5).

        The fast network receives the gains. The paper's network encodes stems (stems, samples),
        which the function ``stems`` returns, panned with these gains.
        """
        if not self.has_stem_masks:
            return self.encode(gains.T.astype(np.float32) @ stems())
        condition = torch.from_numpy(gains.astype(np.float32))[None].to(self.device)
        code = self.network.encode_features(self.network.gain_features(condition))
        return code.mean[0].cpu().numpy(), code.log_variance[0].cpu().numpy()

    @torch.inference_mode()
    def decode(
        self,
        stereo: NDArray[Any],
        style: NDArray[np.float32],
        stems: NDArray[Any] | None = None,
    ) -> NDArray[np.float32]:
        """Upmix stereo (2, samples) to five channels in a style (latent_size,).

        Stems (stems, 2, samples) of the stereo, of any quality, replace the masks of the fast
        network.
        """
        rms = _rms(stereo)
        if not rms:
            return np.zeros((5, stereo.shape[1]), np.float32)
        spectrum, settings = self._spectrum(stereo / rms), {}
        if self.has_stem_masks:
            covariance = Covariance.of(spectrum, self.network.resolution)
            masks = self._masks(covariance, None if stems is None else stems / rms)
            settings = {"residual": True, "masks": masks}
        five = self.network.decode(spectrum, self._latent(style), **settings)
        audio = self.network.stft.inverse(five, stereo.shape[1])[0]
        return audio.cpu().numpy() * np.float32(rms / LEVEL)

    @torch.inference_mode()
    def stem_gains(
        self, style: NDArray[np.float32], stems: Callable[[], NDArray[Any]]
    ) -> NDArray[np.float32]:
        """Return the loudspeaker gains of each stem in a style, of power 1, (stems, 5).

        The fast network outputs them. For the paper's network they are measured on stems
        (stems, samples), which the function ``stems`` returns, each alone and panned to the centre.
        """
        latent = self._latent(style)
        if self.has_stem_masks:
            return self.network.pan_gains(latent)[0].cpu().numpy()
        gains = []
        for stem in stems():
            stereo = np.stack([stem, stem])
            five = self.network.decode(self._spectrum(stereo / _rms(stereo)), latent)
            gains.append(nn.functional.normalize(power(five).sum((1, 3)).sqrt())[0])
        return torch.stack(gains).cpu().numpy()

    def _spectrum(self, audio: NDArray[Any]) -> Tensor:
        """Return the spectrum of audio of RMS 1, at the level of the network's input."""
        scaled = np.ascontiguousarray(LEVEL * audio, np.float32)
        return self.network.stft(torch.from_numpy(scaled)[None].to(self.device))

    def _latent(self, style: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(style)[None].to(self.device)


def _rms(audio: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def load_style_model(variant: str = "fast", weights: str | Path = "") -> StyleModel:
    """Load the shipped weights of a variant, or those in a file.

    Models are cached: a second call with the same file returns the same model.

    Parameters
    ----------
    variant : {"fast", "paper"}
        Variant of the shipped model.
    weights : str or Path
        File of weights that replaces the bundled ones; "" for none.

    Raises
    ------
    WeightsError
        If the weights do not exist or are invalid.
    """
    path = Path(weights) if weights else shipped(f"{MODEL}-{variant}")
    return _load(path, *state_of(path))


@lru_cache(maxsize=2)
def _load(path: Path, changed: int, size: int) -> StyleModel:
    network, card = load_weights(path, MODEL)
    # Weights that share the masks of the package use all networks of its separator.
    return StyleModel(network, card.sha256, load_mask_model() if card.shared else None)
