"""Loudness of an IAMF mix on the layouts that its file lists: stereo, and that of the element.

A player renders the element by the static matrices of IAMF; loudness is measured behind them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import spherical_harmonics
from spatialkit.downmix import downmix_matrix
from spatialkit.files.iamf import (
    LAYOUTS,
    IamfEncoder,
    IamfLayout,
    Loudness,
    layout_of_format,
    stored_format,
)
from spatialkit.geometry import sphere_quadrature, to_spherical
from spatialkit.layouts import AmbisonicFormat, Format, Layout, get_layout
from spatialkit.metrics import LoudnessMeter, TruePeakMeter
from spatialkit.panning import panner

if TYPE_CHECKING:
    from spatialkit.files import Target

__all__ = ["MixMeter", "ambisonic_matrix", "iamf_encoder"]

# Layouts on which Ambisonics is measured, of IAMF and of BS.2051.
_SCENE_LAYOUTS = {"stereo": "stereo", "7.1.4": "4+7+0"}
_QUADRATURE_DEGREE = 71
# BS.2127-1, 6.1.2.4: stereo is a downmix of 0+5+0 (left, right, centre, surrounds).
_STEREO_OF_5_0 = np.array(
    [[1.0, 0.0, 3.0**-0.5, 0.5**0.5, 0.0], [0.0, 1.0, 3.0**-0.5, 0.0, 0.5**0.5]]
)
_BLOCK_SECONDS = 0.4


class MixMeter:
    """Measure the loudness, sample peak and true peak of a mix block by block.

    Parameters
    ----------
    format : Layout or AmbisonicFormat
        Format of the element, in the order of the blocks.
    sample_rate : int
        Hz.

    Attributes
    ----------
    layouts : list of IamfLayout
        Layouts on which it is measured.
    """

    def __init__(self, format: Format, sample_rate: int) -> None:
        matrices = _matrices(format)
        self.layouts = [layout for layout, _, _ in matrices]
        self._meters = [
            (matrix, _LayoutMeter(get_layout(loudspeakers), sample_rate))
            for _, loudspeakers, matrix in matrices
        ]

    def add(self, block: NDArray[Any]) -> None:
        """Measure the next samples (channels, n)."""
        for matrix, meter in self._meters:
            meter.add(_mixed(matrix, block))

    def finish(self) -> list[Loudness]:
        """Return the loudness on each layout."""
        return [meter.finish() for _, meter in self._meters]


def iamf_encoder(file: BinaryIO, target: Target) -> IamfEncoder:
    """Return the encoder of an IAMF file, which stores the loudness of its mix."""
    return IamfEncoder(file, target, MixMeter(stored_format(target), target.sample_rate))


def _mixed(matrix: NDArray[np.float64], block: NDArray[Any]) -> NDArray[Any]:
    """Return the product of a matrix with few entries and a block.

    Threads of BLAS would wait for each other longer than the sums take.
    """
    mixed = np.zeros((len(matrix), block.shape[1]), block.dtype)
    for row, column in zip(*np.nonzero(matrix), strict=True):
        mixed[row] += block.dtype.type(matrix[row, column]) * block[column]
    return mixed


class _LayoutMeter:
    def __init__(self, layout: Layout, sample_rate: int) -> None:
        self._loudness = LoudnessMeter(layout, sample_rate)
        self._true_peak = TruePeakMeter(layout.n_channels, sample_rate)
        self._peak, self._samples = 0.0, 0
        self._channels, self._minimum = layout.n_channels, round(_BLOCK_SECONDS * sample_rate) + 1

    def add(self, block: NDArray[Any]) -> None:
        self._loudness.add(block)
        self._true_peak.add(block)
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        self._samples += block.shape[1]

    def finish(self) -> Loudness:
        # A shorter signal has no block of 400 ms: silence follows it.
        lacking = max(0, self._minimum - self._samples)
        self._loudness.add(np.zeros((self._channels, lacking)))
        integrated = float(self._loudness.finish())
        peak = 20.0 * np.log10(self._peak) if self._peak else -np.inf
        return Loudness(
            integrated if np.isfinite(integrated) else -np.inf, peak, self._true_peak.finish()
        )


def _matrices(format: Format) -> list[tuple[IamfLayout, str, NDArray[np.float64]]]:
    """Return the layouts that are measured, also by our name, and the matrix to each."""
    by_name = {layout.name: layout for layout in LAYOUTS}
    if isinstance(format, AmbisonicFormat):
        return [
            (by_name[name], system, ambisonic_matrix(format.order, system))
            for name, system in _SCENE_LAYOUTS.items()
        ]
    native = layout_of_format(format)
    if native is None:
        raise ValueError(f"IAMF has no layout {format.name}")
    own = get_layout(native.name)
    sorting = _sorting(native, own, format)
    if own.n_channels == 1:
        to_stereo = np.full((2, 1), 0.5**0.5)
    elif own.n_channels == 2:
        return [(native, own.name, sorting)]
    else:
        to_stereo = downmix_matrix(own, "stereo", method="iamf")
    return [(by_name["stereo"], "stereo", to_stereo @ sorting), (native, own.name, sorting)]


def _sorting(native: IamfLayout, own: Layout, format: Layout) -> NDArray[np.float64]:
    """Return the matrix that sorts channels of a format to the layout of this package."""
    matrix = np.zeros((own.n_channels, own.n_channels))
    matrix[native.order(own), native.order(format)] = 1.0
    return matrix


@lru_cache(maxsize=16)
def ambisonic_matrix(order: int, layout: str) -> NDArray[np.float64]:
    """Return the matrix from AmbiX to a layout by which IAMF renders: AllRAD without weights.

    The gains of virtual loudspeakers all around are those of ITU-R BS.2127, in stereo the downmix
    of "0+5+0"; the mean energy over all directions is 1.
    """
    vectors, weights = sphere_quadrature(_QUADRATURE_DEGREE)
    weights = weights / weights.sum()
    gains = _gains("0+5+0" if layout == "stereo" else layout, vectors)
    if layout == "stereo":
        gains = gains[:, [0, 1, 2, 4, 5]]
        front, rear = gains[:, :3].max(axis=1), gains[:, 3:].max(axis=1)
        level = 0.5 ** (rear / (front + rear) / 2.0)
        gains = gains @ _STEREO_OF_5_0.T
        gains *= (level / np.linalg.norm(gains, axis=1))[:, None]
    azimuth, elevation = to_spherical(vectors)
    waves = spherical_harmonics(azimuth, elevation, order=order)
    orders = np.repeat(np.arange(order + 1), 2 * np.arange(order + 1) + 1)
    matrix = (weights[:, None] * gains).T @ waves * (2 * orders + 1)
    energy = weights @ np.sum((waves @ matrix.T) ** 2, axis=1)
    return np.asarray(matrix / np.sqrt(energy))


def _gains(layout: str, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return panner(get_layout(layout)).gains(vectors, np.zeros(len(vectors)))
