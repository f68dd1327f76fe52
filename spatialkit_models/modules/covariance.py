"""Spatial covariance of a spectrum per frame and frequency band.

Filters that are constant over a few neighbouring bins depend on the spectrum only through the
covariance summed over these bins. Source localization, source extraction and the evaluation of the
result are therefore computed from the covariance alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from spatialkit.errors import OptionError

__all__ = ["Covariance", "Resolution", "concatenate"]


class Resolution:
    """Division of the bins of a spectrum into bands: fine at low frequencies, coarse above.

    Parameters
    ----------
    regions : sequence of (int, int)
        Number of bands and bins per band of each region, from 0 Hz upwards. Bins above the last
        region are not analysed; filters of the last band apply to them.
    """

    def __init__(self, regions: tuple[tuple[int, int], ...]) -> None:
        self.regions = regions
        self.bands = sum(count for count, _ in regions)
        self.bins = sum(count * size for count, size in regions)

    def require(self, bins: int) -> None:
        """Raise an OptionError if a spectrum has fewer bins than the regions."""
        if self.bins > bins:
            raise OptionError(f"regions cover {self.bins} bins, but a spectrum has only {bins}")

    def sum_bins(self, values: Tensor) -> Tensor:
        """Sum over the bins of each band, (..., bins) to (..., bands)."""
        parts = values[..., : self.bins].split([count * size for count, size in self.regions], -1)
        return torch.cat(
            [
                part if size == 1 else part.unflatten(-1, (count, size)).sum(-1)
                for part, (count, size) in zip(parts, self.regions, strict=True)
            ],
            -1,
        )

    def spread(self, values: Tensor, bins: int) -> Tensor:
        """Repeat the value of each band for all its bins, (..., bands) to (..., bins)."""
        parts = [
            values[..., bands].repeat_interleave((inside.stop - inside.start) // count, -1)
            for bands, inside in self.slices(bins)
            for count in [bands.stop - bands.start]
        ]
        return torch.cat(parts, -1)

    def slices(self, bins: int) -> Iterator[tuple[slice, slice]]:
        """Yield the bands and the bins of each region; last, the bins above all regions."""
        band = bin = 0
        for count, size in self.regions:
            yield slice(band, band + count), slice(bin, bin + count * size)
            band, bin = band + count, bin + count * size
        if bin < bins:
            yield slice(band - 1, band), slice(bin, bins)


@dataclass(frozen=True)
class Covariance:
    """Real part of the spatial covariance matrix of channels, per frame and band.

    The matrix of second moments, not centred and not normalized: entry (i, j) is the sum over the
    bins of a band of the real part of ``x_i conj(x_j)``.

    Parameters
    ----------
    products : Tensor, shape (batch, time, pairs, bands)
        Upper triangle of the matrix, in the order of `torch.triu_indices`.
    channels : int
        Number of channels.
    """

    products: Tensor
    channels: int

    @classmethod
    def of(cls, spectrum: Tensor, resolution: Resolution) -> Covariance:
        """Compute the covariance of a complex spectrum (batch, time, channels, bins)."""
        analysed = spectrum[..., : resolution.bins]
        real, imaginary = analysed.real.contiguous(), analysed.imag.contiguous()
        channels = spectrum.shape[2]
        products = [
            resolution.sum_bins(
                real[:, :, row : row + 1] * real[:, :, row:]
                + imaginary[:, :, row : row + 1] * imaginary[:, :, row:]
            )
            for row in range(channels)
        ]
        return cls(torch.cat(products, 2), channels)

    def frames(self, index: slice) -> Covariance:
        """Return a range of frames."""
        return Covariance(self.products[:, index], self.channels)

    @property
    def powers(self) -> Tensor:
        """Power of each channel: the diagonal, (batch, time, channels, bands)."""
        rows, columns = torch.triu_indices(self.channels, self.channels)
        return self.products[:, :, (rows == columns).nonzero()[:, 0]]

    def mixed(self, gains: Tensor) -> Covariance:
        """Return the covariance after mixing by gains (batch, channels, new channels)."""
        rows, columns = torch.triu_indices(gains.shape[-1], gains.shape[-1])
        products = self._mixed_products(gains[..., rows], gains[..., columns])
        # Rounding can make a power of 0 negative.
        minimum = torch.where(rows == columns, 0.0, -torch.inf).to(products)
        return Covariance(products.maximum(minimum[:, None]), gains.shape[-1])

    def cross(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the cross-covariance of two mixes of the channels.

        Parameters
        ----------
        first, second : Tensor, shape (batch, channels, new channels)
            Gains of the two mixes.

        Returns
        -------
        Tensor, shape (batch, time, first, second, bands)
        """
        one, other = first.shape[-1], second.shape[-1]
        repeated = first.repeat_interleave(other, -1), second.repeat(1, 1, one)
        return self._mixed_products(*repeated).unflatten(2, (one, other))

    def _mixed_products(self, first: Tensor, second: Tensor) -> Tensor:
        """Return products of pairs of mixes with gains (batch, channels, pairs) each."""
        rows, columns = torch.triu_indices(self.channels, self.channels)
        weights = first[:, rows] * second[:, columns]
        mirrored = first[:, columns] * second[:, rows]
        weights = weights + mirrored * (rows != columns).to(mirrored)[:, None]
        with torch.autocast(weights.device.type, enabled=False):
            return weights.transpose(1, 2)[:, None] @ self.products

    def weighted_sums(self, weights: Tensor) -> Tensor:
        """Return matrices (batch, n, channels, channels): sums under (batch, time, n, bands)."""
        sums = (weights @ self.products.transpose(2, 3)).sum(1)
        rows, columns = torch.triu_indices(self.channels, self.channels)
        matrices = sums.new_zeros(*sums.shape[:2], self.channels, self.channels)
        matrices[:, :, rows, columns] = sums
        matrices[:, :, columns, rows] = sums
        return matrices

    def along(self, gains: Tensor) -> Tensor:
        """Return the power along vectors of gains (batch, n, channels): (batch, time, n, bands)."""
        mixing = gains.transpose(1, 2)
        return self._mixed_products(mixing, mixing)


def concatenate(first: Covariance, second: Covariance) -> Covariance:
    """Concatenate the batches of two covariances with the same number of channels."""
    return Covariance(torch.cat([first.products, second.products]), first.channels)
