"""Second moments of the channels of a spectrum: all that panning by real gains shows in.

Filters that are the same for a few neighbouring bins see no more of a spectrum than the sums of
its moments over them: finding sources, taking them out and judging the result needs nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from spatialkit.errors import OptionError

__all__ = ["Moments", "Resolution", "joined"]


class Resolution:
    """Bins of a spectrum, joined to units: fine at low frequencies, coarser above.

    Parameters
    ----------
    regions : sequence of (int, int)
        From 0 Hz on: how many units, and how many bins each of them has. Bins beyond the last
        region are not looked at, and share what is decided for its last unit.
    """

    def __init__(self, regions: tuple[tuple[int, int], ...]) -> None:
        self.regions = regions
        self.units = sum(count for count, _ in regions)
        self.bins = sum(count * size for count, size in regions)

    def require(self, bins: int) -> None:
        """Raise an OptionError if spectra have fewer bins."""
        if self.bins > bins:
            raise OptionError(f"regions cover {self.bins} bins, spectra have {bins}")

    def join(self, values: Tensor) -> Tensor:
        """Sums over the bins of each unit, (..., bins) to (..., units)."""
        parts = values[..., : self.bins].split([count * size for count, size in self.regions], -1)
        return torch.cat(
            [
                part if size == 1 else part.unflatten(-1, (count, size)).sum(-1)
                for part, (count, size) in zip(parts, self.regions, strict=True)
            ],
            -1,
        )

    def slices(self, bins: int) -> Iterator[tuple[slice, slice]]:
        """Units and their bins, of one region after the other; last those beyond all of them."""
        unit = bin = 0
        for count, size in self.regions:
            yield slice(unit, unit + count), slice(bin, bin + count * size)
            unit, bin = unit + count, bin + count * size
        if bin < bins:
            yield slice(unit - 1, unit), slice(bin, bins)


@dataclass(frozen=True)
class Moments:
    """Real parts of products of channels, summed over each unit's bins.

    Parameters
    ----------
    products : Tensor
        Of each channel with itself and with those after it, in the order of `torch.triu_indices`,
        (batch, time, pairs, units).
    channels : int
        How many.
    """

    products: Tensor
    channels: int

    @classmethod
    def of(cls, spectrum: Tensor, resolution: Resolution) -> Moments:
        """Moments of a complex spectrum (batch, time, channels, bins)."""
        seen = spectrum[..., : resolution.bins]
        real, imaginary = seen.real.contiguous(), seen.imag.contiguous()
        channels = spectrum.shape[2]
        products = [
            resolution.join(
                real[:, :, row : row + 1] * real[:, :, row:]
                + imaginary[:, :, row : row + 1] * imaginary[:, :, row:]
            )
            for row in range(channels)
        ]
        return cls(torch.cat(products, 2), channels)

    def frames(self, part: slice) -> Moments:
        """Only these frames."""
        return Moments(self.products[:, part], self.channels)

    @property
    def powers(self) -> Tensor:
        """Of each channel, (batch, time, channels, units)."""
        rows, columns = torch.triu_indices(self.channels, self.channels)
        return self.products[:, :, (rows == columns).nonzero()[:, 0]]

    def mixed(self, gains: Tensor) -> Moments:
        """Moments of channels panned by gains (batch, channels, new channels)."""
        rows, columns = torch.triu_indices(gains.shape[-1], gains.shape[-1])
        products = self._sums(gains[..., rows], gains[..., columns])
        # What rounding leaves of a power of 0 may be less.
        least = torch.where(rows == columns, 0.0, -torch.inf).to(products)
        return Moments(products.maximum(least[:, None]), gains.shape[-1])

    def between(self, first: Tensor, second: Tensor) -> Tensor:
        """Products of channels panned by ``first`` with those panned by ``second``, each by each.

        Both are (batch, channels, new channels); the result is (batch, time, first, second,
        units).
        """
        one, other = first.shape[-1], second.shape[-1]
        repeated = first.repeat_interleave(other, -1), second.repeat(1, 1, one)
        return self._sums(*repeated).unflatten(2, (one, other))

    def _sums(self, first: Tensor, second: Tensor) -> Tensor:
        """Products of pairs of new channels, whose gains are (batch, channels, pairs) each."""
        rows, columns = torch.triu_indices(self.channels, self.channels)
        weights = first[:, rows] * second[:, columns]
        mirrored = first[:, columns] * second[:, rows]
        weights = weights + mirrored * (rows != columns).to(mirrored)[:, None]
        with torch.autocast(weights.device.type, enabled=False):
            return weights.transpose(1, 2)[:, None] @ self.products

    def covariances(self, weights: Tensor) -> Tensor:
        """Sums under weights (batch, time, n, units), (batch, n, channels, channels)."""
        found = (weights @ self.products.transpose(2, 3)).sum(1)
        rows, columns = torch.triu_indices(self.channels, self.channels)
        covariance = found.new_zeros(*found.shape[:2], self.channels, self.channels)
        covariance[:, :, rows, columns] = found
        covariance[:, :, columns, rows] = found
        return covariance

    def along(self, gains: Tensor) -> Tensor:
        """Power along vectors of gains (batch, n, channels): (batch, time, n, units)."""
        panned = gains.transpose(1, 2)
        return self._sums(panned, panned)


def joined(first: Moments, second: Moments) -> Moments:
    """Items of two batches, of as many channels, one after the other."""
    return Moments(torch.cat([first.products, second.products]), first.channels)
