"""Stems as audio objects at the directions of a style, with a bed for the residual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.files.adm import Blocks, DescribedPart
from spatialkit.layouts import get_layout
from spatialkit.panning import vbap_gains
from spatialkit.upmixing import ObjectUpmix
from spatialkit_models.separation import StemUpmixStream
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.stem_panning import stereo_gains

if TYPE_CHECKING:
    from spatialkit.upmixing import Upmixer
    from spatialkit_models.separation import Separator

__all__ = ["object_upmix", "stem_objects"]

# Resolution in degrees of the direction of an object, in two steps.
_COARSE, _FINE = 0.01, 1e-5
# Left and right of a stem are one object if their gains differ by less; a residual below is none.
_TOLERANCE = 1e-5
_SIDES = ("left", "right")


def stem_objects(
    gains: NDArray[Any],
) -> tuple[tuple[DescribedPart, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Return the parts of an upmix of stereo stems, and the matrices of its tracks.

    Left and right of a stem are an object each, at the direction whose gains on "5.0" are closest
    to those of the style; a stem of one loudspeaker is a single object, the sum of both. A bed in
    5.0 contains the residual, so that the rendering to 5.0 is the upmix itself.

    Parameters
    ----------
    gains : ndarray, shape (4, 5)
        Gains of the stems to the loudspeakers of "5.0".

    Returns
    -------
    parts : tuple of DescribedPart
        A bed, unless the residual is zero, then the objects.
    matrix : ndarray, shape (tracks, 8)
        Tracks by left and right of each stem.
    rendering : ndarray, shape (5, tracks)
        Rendering of the tracks to "5.0".
    """
    wanted = np.concatenate(list(stereo_gains(gains)), axis=1)
    parts, rows, columns = [], [], []
    for number, stem in enumerate(STEMS):
        left, right = wanted[:, 2 * number], wanted[:, 2 * number + 1]
        both = np.abs(left - right).max() < _TOLERANCE
        for side, vector in enumerate([left] if both else [left, right]):
            level, azimuth = _direction(vector)
            row = np.zeros(2 * len(STEMS))
            if both:  # the mean of both, which does not exceed full scale
                row[2 * number : 2 * number + 2] = 0.5
                level *= 2.0
            else:
                row[2 * number + side] = 1.0
            name = stem if both else f"{stem} {_SIDES[side]}"
            parts.append(DescribedPart(name, blocks=Blocks(azimuth, gain=level)))  # type: ignore[arg-type]
            rows.append(row)
            columns.append(level * vbap_gains(azimuth, layout="5.0"))
    matrix, rendering = np.array(rows), np.array(columns).T
    residual = wanted - rendering @ matrix
    if np.abs(residual).max() >= _TOLERANCE:
        five = get_layout("5.0")
        parts.insert(0, DescribedPart("residual", five))
        matrix = np.concatenate([residual, matrix])
        rendering = np.concatenate([np.eye(five.n_channels), rendering], axis=1)
    return tuple(parts), matrix, rendering


def _direction(vector: NDArray[np.float64]) -> tuple[float, float]:
    """Return the gain and azimuth of the object on "5.0" that is closest to gains (5,)."""
    azimuths = np.arange(-180.0, 180.0, _COARSE)
    for step in (_COARSE, _FINE):
        found = vbap_gains(azimuths, layout="5.0") @ vector
        best = float(azimuths[np.argmax(found)])
        azimuths = best + np.arange(-2 * step, 2 * step, _FINE)
    rounded = round(best, 2)  # the direction of a loudspeaker itself
    level, exact = (float(vbap_gains(each, layout="5.0") @ vector) for each in (rounded, best))
    # Not -0.0, which would be written as it is.
    return (level, rounded + 0.0) if level >= exact - 1e-9 else (exact, best)


def object_upmix(upmixer: Upmixer, separator: Separator, gains: NDArray[Any]) -> ObjectUpmix:
    """Return the upmix of stems with gains to "5.0" as objects."""
    parts, matrix, rendering = stem_objects(gains)

    def open_stream(sample_rate: int) -> _TrackStream:
        return _TrackStream(upmixer, sample_rate, separator, matrix)

    return ObjectUpmix(parts, get_layout("5.0"), rendering, open_stream)


class _TrackStream(StemUpmixStream):
    """Stream of the tracks of beds and objects."""

    def __init__(
        self,
        upmixer: Upmixer,
        sample_rate: int,
        separator: Separator,
        matrix: NDArray[np.float64],
    ) -> None:
        super().__init__(upmixer, sample_rate, separator, len(matrix))
        self._tracks = matrix

    def _upmix_stems(self, stems: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._tracks @ stems.reshape(-1, stems.shape[2])

    def _find_correction(self, channels: int) -> None:
        return None  # of channels, which objects do not have
