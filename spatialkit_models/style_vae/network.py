"""Fast network of the style-transfer VAE (Yang et al., ICASSP 2022): stem masks and panning.

Spectra are (batch, time, channels, bins). Five channels are those of layout "5.0"; stems are
vocals, drums, bass and other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spatialkit.downmix import downmix_matrix
from spatialkit.panning import vbap_gains
from spatialkit_models.modules import STFT, Covariance, StemMasks, sparsemax, wiener_filters
from spatialkit_models.stem_names import N_STEMS
from spatialkit_models.style_vae.config import FastConfig
from spatialkit_models.style_vae.place_search import search_places

__all__ = ["CHANNELS", "FastStyleVAE", "StemPlaces", "StyleCode"]

CHANNELS = 5
# Concentration of stems around their directions in stereo, see `wiener_filters`.
SHARPNESS = 40.0
# Number of directions in stereo, from left only to right only, in the table of levels.
ANGLES = 33
# Searches for more likely places of stems, each from the places of the one before.
SEARCHES = 3
# Smaller gains are set to 0. A style determines directions no better than to 4 degrees, and gains
# below this change them by less.
MIN_GAIN = 0.1


@dataclass(frozen=True)
class StyleCode:
    """Posterior distribution of styles.

    Parameters
    ----------
    mean, log_variance : Tensor, shape (batch, latent)
    """

    mean: Tensor
    log_variance: Tensor

    def sample(self) -> Tensor:
        """Sample one style per item."""
        return self.mean + torch.randn_like(self.mean) * (0.5 * self.log_variance).exp()


@dataclass(frozen=True)
class StemPlaces:
    """Places of stems in five channels.

    Parameters
    ----------
    features : Tensor, shape (batch, stems, 6)
        Gains of length 1, and the logarithm of the stem's part of the energy.
    likelihood : Tensor, shape (batch, stems, stems)
        Mean mask of each stem (columns) over the sound at the place of each stem (rows): the
        probability, by the masks, that what is there is this stem.
    """

    features: Tensor
    likelihood: Tensor


class FastStyleVAE(nn.Module):
    """The paper's model with an explicit representation of its sources.

    The encoder estimates the gains of each of four stems in five channels and describes them by a
    normal distribution. The decoder estimates the stems' mixing gains in stereo, extracts the stems
    and pans them as the latent style specifies, to no other loudspeakers. One mask network serves
    both: the encoder applies it to the downmix of the five channels.

    Parameters
    ----------
    config : FastConfig
        Shape of the network.
    """

    downmix_gains: Tensor
    levels: Tensor
    circle: Tensor

    def __init__(self, config: FastConfig) -> None:
        super().__init__()
        self.config = config
        self.stft = STFT(config.masks.n_fft, config.masks.hop_length)
        self.masks = StemMasks(config.masks)
        self.resolution = self.masks.resolution
        self.sharpness = nn.Parameter(torch.tensor(10.0))
        self.encoder = _Layers(N_STEMS * (CHANNELS + 1), config.hidden, 2 * config.latent_size)
        self.decoder = _Layers(config.latent_size, config.hidden, N_STEMS * CHANNELS)
        gains = downmix_matrix("5.0", "stereo", method="sum").astype(np.float32)
        circle = vbap_gains(np.linspace(-180.0, 180.0, 7200, endpoint=False), layout="5.0")
        self.register_buffer("downmix_gains", torch.as_tensor(gains), persistent=False)
        self.register_buffer("levels", _mean_levels(circle, gains), persistent=False)
        self.register_buffer("circle", torch.as_tensor(circle).float(), persistent=False)

    # Public methods.

    def forward(self, stereo: Tensor, style: Tensor) -> Tensor:
        """Upmix in the style of another recording.

        Parameters
        ----------
        stereo : Tensor of complex, shape (batch, time, 2, bins)
            Spectrum to upmix.
        style : Tensor of complex, shape (batch, time, 5, bins)
            Spectrum of a five-channel recording.

        Returns
        -------
        Tensor of complex, shape (batch, time, 5, bins)
        """
        return self.decode(stereo, self.encode(style).mean)

    def encode(self, five: Tensor) -> StyleCode:
        """Estimate the style of the spectrum of five channels."""
        covariance = Covariance.of(five, self.resolution)
        masks = self.masks(self.downmix(covariance)).softmax(2)
        return self.encode_features(self.find_places(covariance, masks).features)

    def decode(
        self,
        stereo: Tensor,
        style: Tensor,
        *,
        residual: bool = False,
        masks: Tensor | None = None,
    ) -> Tensor:
        """Upmix a stereo spectrum to five channels in a style (batch, latent).

        With ``residual`` the residual of source extraction is panned with the stems
        (`wiener_filters.residual_filters`) instead of discarded. Known ``masks`` of the stems
        replace those that the network estimates.
        """
        masks, filters, mixing = self._separate(stereo, masks)
        gains = self.pan_gains(style)
        panned = self.pan_filters(filters, mixing, gains)
        if residual:
            panned = panned + wiener_filters.residual_filters(filters, masks, mixing, gains)
        return wiener_filters.apply_filters(panned, stereo, self.resolution)

    def separate(self, stereo: Tensor) -> tuple[Tensor, Tensor]:
        """Extract the stems of a stereo spectrum.

        Returns
        -------
        sources : Tensor of complex, shape (batch, time, stems, bins)
            Mono spectra at the level before panning to 5.0 and downmixing.
        gains : Tensor, shape (batch, stems, 2)
            Mixing gains, of length 1.
        """
        _, filters, mixing = self._separate(stereo)
        sources = wiener_filters.apply_filters(filters, stereo, self.resolution)
        return sources * self.level_of(mixing)[:, None, :, None], mixing

    def pan_gains(self, style: Tensor) -> Tensor:
        """Compute the gains of each stem for the loudspeakers, of power 1 and mostly 0.

        In training, gains below `MIN_GAIN` are kept for their gradients.
        """
        gains = nn.functional.normalize(sparsemax(self.pan_logits(style)), dim=-1)
        if self.training:
            return gains
        return nn.functional.normalize(gains * (gains >= MIN_GAIN), dim=-1)

    # Stages of both directions, used by the loss as well.

    def _separate(
        self, stereo: Tensor, masks: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        covariance = Covariance.of(stereo, self.resolution)
        if masks is None:
            masks = self.masks(covariance).softmax(2)
        mixing = self.estimate_mixing(covariance, masks)
        return *self.extraction_filters(covariance, masks, mixing), mixing

    def estimate_mixing(self, stereo: Covariance, masks: Tensor) -> Tensor:
        """Estimate the mixing gains of stems: masks are refined by power, then by direction."""
        # Frames overlap by three quarters: every second one is enough.
        stereo, masks = stereo.frames(slice(None, None, 2)), masks[:, ::2]
        gains = wiener_filters.estimate_gains(stereo, masks)
        for _ in range(self.config.power_iterations):
            masks = wiener_filters.refine_by_power(stereo, masks, gains)
            gains = wiener_filters.estimate_gains(stereo, masks)
        for _ in range(self.config.direction_iterations):
            refined = wiener_filters.refine_by_direction(stereo, masks, gains, SHARPNESS)
            gains = wiener_filters.estimate_gains(stereo, refined)
        return gains

    def extraction_filters(
        self, stereo: Covariance, masks: Tensor, gains: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Refine masks by the power of the extracted stems, and compute extraction filters."""
        for _ in range(self.config.power_iterations):
            masks = wiener_filters.refine_by_power(stereo, masks, gains)
        filters = wiener_filters.extraction_filters(masks, gains)
        return masks, wiener_filters.limit_power(filters, stereo)

    def pan_filters(self, filters: Tensor, mixing: Tensor, gains: Tensor) -> Tensor:
        """Compute filters for loudspeakers from extraction filters and loudspeaker gains."""
        return wiener_filters.pan_filters(filters, gains * self.level_of(mixing)[..., None])

    def level_of(self, gains: Tensor) -> Tensor:
        """Estimate the level of sources before the downmix relative to that after it.

        Parameters
        ----------
        gains : Tensor, shape (batch, stems, 2)
            Mixing gains.

        Returns
        -------
        Tensor, shape (batch, stems)
        """
        # No panned source has left and right out of phase: such gains count as in phase.
        angle = torch.atan2(gains[..., 1].abs(), gains[..., 0].abs().clamp_min(1e-9))
        place = angle * (2.0 / torch.pi) * (ANGLES - 1)
        lower = place.detach().floor().long().clamp(0, ANGLES - 2)
        return torch.lerp(self.levels[lower], self.levels[lower + 1], place - lower)

    def find_places(
        self,
        five: Covariance,
        masks: Tensor,
        named: Tensor | None = None,
        *,
        search: bool = False,
    ) -> StemPlaces:
        """Estimate where each stem is in five channels.

        Parameters
        ----------
        five : Covariance
            Covariance of the five channels.
        masks : Tensor, shape (batch, time, stems, bands)
            Masks of the stems.
        named : Tensor, shape (batch, stems, 5), optional
            Gains near which a stem is; NaN for stems whose place is found by its masks. The masks
            of the others have no effect on their places.
        search : bool
            Look for more likely places of one item, see `search_places`; not with ``named``.
        """
        five, masks = five.frames(slice(None, None, 2)), masks[:, ::2]
        start = masks
        if named is not None:
            known = ~named.isnan().any(-1)
            start = torch.where(known[:, None, :, None], 1.0 / N_STEMS, masks)
            start = start / start.sum(2, keepdim=True)
        gains = wiener_filters.estimate_gains(five, start)
        if named is not None:
            gains = torch.where(known[..., None], named, gains)
        refined, gains = self._refine_places(five, start, gains)
        for _ in range(SEARCHES if search and named is None else 0):
            found = search_places(five, start, gains, self.sharpness)
            if found is None:
                break
            refined, gains = self._refine_places(five, start, found)
        power = five.powers.sum(2, keepdim=True)
        energy = (refined * power).sum((1, 3))
        ratios = energy / energy.sum(1, keepdim=True).clamp_min(1e-12)
        # Bands count by the root of their magnitude, as in the training of masks.
        weighted = refined * (power + 1e-12).pow(0.25)
        likelihood = torch.einsum("btsf,btrf->bsr", weighted, masks)
        likelihood = likelihood / likelihood.sum(2, keepdim=True).clamp_min(1e-12)
        return StemPlaces(self.gain_features(gains, ratios), likelihood)

    def _refine_places(
        self, five: Covariance, masks: Tensor, gains: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Estimate masks from gains and gains from masks in turn."""
        refined = masks
        for _ in range(self.config.direction_iterations):
            refined = wiener_filters.refine_by_direction(five, masks, gains, self.sharpness)
            gains = wiener_filters.estimate_gains(five, refined)
        return refined, gains

    def gain_features(self, gains: Tensor, energies: Tensor | None = None) -> Tensor:
        """Return the features of `StemPlaces` for stems with known gains.

        Parameters
        ----------
        gains : Tensor, shape (batch, stems, channels)
        energies : Tensor, shape (batch, stems), optional
            Ratio of each stem's energy to the sum; equal energies by default.
        """
        if energies is None:
            energies = gains.new_full(gains.shape[:2], 1.0 / N_STEMS)
        return torch.cat([gains, (energies + 1e-6).log10()[..., None]], -1)

    def downmix(self, five: Covariance) -> Covariance:
        """Return the covariance of the paper's downmix to stereo."""
        return five.mixed(self.downmix_gains.T.expand(len(five.products), -1, -1))

    def encode_features(self, features: Tensor) -> StyleCode:
        """Compute the posterior of styles from the features of `StemPlaces`."""
        mean, log_variance = self.encoder(features.flatten(1)).float().chunk(2, -1)
        return StyleCode(mean, log_variance.clamp(-10.0, 4.0))

    def pan_logits(self, style: Tensor) -> Tensor:
        """Compute the logits of `pan_gains`, (batch, stems, channels)."""
        return self.decoder(style).float().unflatten(1, (N_STEMS, CHANNELS))


class _Layers(nn.Module):
    """Sum of a linear layer and a small network."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.direct = nn.Linear(inputs, outputs)
        self.added = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, outputs),
        )

    def forward(self, value: Tensor) -> Tensor:
        return self.direct(value) + self.added(value)


def _mean_levels(circle: NDArray[np.float64], downmix_gains: NDArray[np.float32]) -> Tensor:
    """Average the level of sources by the angle of their stereo gains, over all directions."""
    stereo = circle @ downmix_gains.T
    angle = np.arctan2(stereo[:, 1], stereo[:, 0])
    place = np.rint(angle * (2.0 / np.pi) * (ANGLES - 1)).astype(int)
    level = np.bincount(place, 1.0 / np.linalg.norm(stereo, axis=1)) / np.bincount(place)
    return torch.as_tensor(level, dtype=torch.float32)
