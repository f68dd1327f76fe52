"""Rendering of loudspeaker layouts and Ambisonics for headphones, with rotation of the scene."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.ambisonics import convert_ambisonics, harmonics_in, rotate_ambisonics
from spatialkit.binaural import responses
from spatialkit.binaural.convolution import Convolver
from spatialkit.binaural.filters import METHODS, Method, binaural_filters
from spatialkit.binaural.hrtf import HRTF, MIN_RATE
from spatialkit.binaural.orientation import OrientationPath, angles_of
from spatialkit.binaural.reading import read_hrtf
from spatialkit.errors import OptionError
from spatialkit.geometry import rotation_matrix, to_spherical
from spatialkit.layouts import AmbisonicFormat, Format, Layout, channels_of, get_format
from spatialkit.typing import FloatArray, FloatT, StrPath
from spatialkit.validation import (
    MAX_SAMPLE_RATE,
    as_choice,
    as_number,
    as_sample_rate,
    require_finite,
)

__all__ = ["BinauralStream", "FilterOptions", "render_binaural"]

# Order through which loudspeakers are rendered with the methods for Ambisonics.
DEFAULT_ORDER = 5
# Samples of a constant orientation that are converted at a time.
BLOCK_SIZE = 1 << 18
# Crossfade between the filters of two rotations in a stream.
FADE_SECONDS = 0.01


def render_binaural(
    audio: FloatArray[FloatT],
    source: str | Format,
    *,
    sample_rate: float,
    hrtf: StrPath | HRTF = "ku100",
    method: Method = "auto",
    order: int | None = None,
    yaw: ArrayLike = 0.0,
    pitch: ArrayLike = 0.0,
    roll: ArrayLike = 0.0,
    orientation: OrientationPath | None = None,
    lfe_gain: float = 0.0,
) -> FloatArray[FloatT]:
    """Render any layout or Ambisonic format for headphones.

    This is ``spatialkit.render(audio, source, "binaural", ...)``.

    Parameters
    ----------
    audio : ndarray of float, shape (..., channels, samples)
        Channels in the order of ``source``.
    source : str, Layout or AmbisonicFormat
        Format of ``audio``.
    sample_rate : float
        Hz, at least 8000.
    hrtf : str, path or HRTF
        As in `read_hrtf`.
    method : str
        Design of the filters, as in `binaural_filters`. For loudspeakers, "auto" and
        "virtual-loudspeakers" use one HRIR pair in the direction of each loudspeaker, unless
        ``order`` is given; the other methods encode them to Ambisonics first.
    order : int, optional
        Ambisonic order, 1 to 7, through which loudspeakers are rendered; 5 by default for methods
        that need one. Ambisonics have an order of their own.
    yaw, pitch, roll : float or array_like, shape (points,)
        Rotation of the scene in degrees, as in `spatialkit.rotate_ambisonics`: a source at azimuth
        a is heard at a + yaw. A head that turns to the left by 30 degrees is yaw=-30. Several
        points are equally spaced from the first to the last sample; between them the scene rotates
        along the shortest arc.
    orientation : OrientationPath, optional
        Rotation of the scene with points at any times, in place of these angles.
    lfe_gain : float
        Gain of the LFE, which is heard from the front; 0, the default, leaves it out as everywhere
        else, 3.16 (10 dB) is the level of cinemas.

    Returns
    -------
    ndarray, shape (..., 2, samples)
        Left and right ear, in the precision of ``audio`` and of its length. The delay is that of
        the HRTF: at most 1 ms for "ku100".

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` is not audio of the format ``source``, or not finite.
    LayoutError, OptionError, DirectionError, AudioFileError
        If another argument is not accepted.

    Notes
    -----
    Loudspeakers rotate by interpolated HRIRs in their new directions, not by panning. While the
    scene rotates, filters are computed every 2 degrees, and the output is crossfaded between them.

    Examples
    --------
    >>> surround = np.random.default_rng(0).standard_normal((12, 48000))
    >>> render_binaural(surround, "7.1.4", sample_rate=48000, yaw=[0.0, -90.0]).shape
    (2, 48000)
    """
    form = get_format(source)
    rate = as_sample_rate(sample_rate, minimum=MIN_RATE, maximum=MAX_SAMPLE_RATE)
    array = require_finite(channels_of(audio, form))
    filters = SourceFilters(form, rate, hrtf=hrtf, method=method, order=order, lfe_gain=lfe_gain)
    if orientation is None:
        orientation = OrientationPath.over(array.shape[-1] / rate, yaw, pitch, roll)
    else:
        _refuse_angles(yaw=yaw, pitch=pitch, roll=roll)
    path = FilterPath(filters, orientation)
    items = list(np.ndindex(array.shape[:-2]))
    found = np.empty((*array.shape[:-2], 2, array.shape[-1]), array.dtype)
    convolvers = [Convolver(path.first, array.dtype) for _ in items]
    start = 0
    for count, target in path.pieces(array.shape[-1]):
        part = slice(start, start + count)
        for item, convolver in zip(items, convolvers, strict=True):
            found[item][:, part] = convolver.process(array[item][:, part], target)
        start += count
    return found


def _refuse_angles(**angles: ArrayLike) -> None:
    given = [name for name, angle in angles.items() if np.any(angle)]
    if given:
        raise OptionError(f"orientation and {given[0]} are mutually exclusive: pass one of them")


class FilterOptions(TypedDict, total=False):
    """Arguments of `render_binaural` on which the filters depend."""

    hrtf: StrPath | HRTF
    method: Method
    order: int | None
    lfe_gain: float


class BinauralStream:
    """Render blocks of any size for headphones: joined, they equal `render_binaural`.

    Parameters
    ----------
    source : str, Layout or AmbisonicFormat
        Format of the blocks.
    sample_rate : float
        Hz, at least 8000.
    yaw, pitch, roll : float
        Rotation of the scene, which `turn` changes.
    orientation : OrientationPath, optional
        Rotation over time, in place of these angles and of `turn`.
    **options
        ``hrtf``, ``method``, ``order`` and ``lfe_gain``, as in `render_binaural`.

    Examples
    --------
    >>> stream = BinauralStream("stereo", 48000, yaw=30.0)
    >>> stream.process(np.zeros((2, 64), np.float32)).shape
    (2, 64)
    """

    latency = 0
    """Number of samples that are held back."""

    def __init__(
        self,
        source: str | Format,
        sample_rate: float,
        *,
        yaw: float = 0.0,
        pitch: float = 0.0,
        roll: float = 0.0,
        orientation: OrientationPath | None = None,
        **options: Unpack[FilterOptions],
    ) -> None:
        self._source = get_format(source)
        rate = as_sample_rate(sample_rate, minimum=MIN_RATE, maximum=MAX_SAMPLE_RATE)
        self._filters = SourceFilters(self._source, rate, **options)
        self._fade = max(1, round(FADE_SECONDS * rate))
        self._orientation: OrientationPath | None = None
        self.turn(yaw, pitch, roll)
        if orientation is not None:
            _refuse_angles(yaw=yaw, pitch=pitch, roll=roll)
            self._orientation = orientation
        self.reset()

    def turn(self, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> None:
        """Rotate the scene from the next block on.

        The filters of the new rotation are faded in over 10 ms; a rotation that is set before the
        end of the last fade replaces the one that waits for it.

        Raises
        ------
        OptionError
            If an angle is not a number, or the stream has an `OrientationPath`.
        """
        if self._orientation is not None:
            raise OptionError("the stream follows an OrientationPath: turn has no effect")
        angles = as_number(yaw, "yaw"), as_number(pitch, "pitch"), as_number(roll, "roll")
        self._rotation = rotation_matrix(*angles)
        self._is_turned = True

    def reset(self) -> None:
        """Forget all blocks: the next one has the present rotation from its first sample on.

        An `OrientationPath` starts again.
        """
        self._path = FilterPath(self._filters, self._orientation) if self._orientation else None
        self._current: Convolver | None = None
        self._next: Convolver | None = None
        self._faded = 0

    def process(self, block: FloatArray[FloatT]) -> FloatArray[FloatT]:
        """Return both ears (2, samples) of the next block (channels, samples)."""
        array = channels_of(block, self._source, "block")
        if self._path:
            return self._follow(array, self._path)
        if self._current is None:
            self._current = Convolver(self._filters.rotated(self._rotation), array.dtype)
            self._is_turned = False
        elif self._is_turned and self._next is None and array.shape[1]:
            self._next = self._current.successor(self._filters.rotated(self._rotation))
            self._is_turned, self._faded = False, 0
        found = self._current.process(array)
        if self._next is None:
            return found
        change = self._next.process(array) - found
        places = np.arange(self._faded + 1, self._faded + array.shape[1] + 1)
        found += change * np.minimum(places / self._fade, 1.0).astype(array.dtype)
        self._faded += array.shape[1]
        if self._faded >= self._fade:
            self._current, self._next = self._next, None
        return found

    def _follow(self, block: NDArray[Any], path: FilterPath) -> NDArray[Any]:
        """Return both ears of the next block along a path."""
        if self._current is None:
            self._current = Convolver(path.first, block.dtype)
        found, start = [np.zeros((2, 0), block.dtype)], 0
        for count, target in path.pieces(block.shape[1]):
            found.append(self._current.process(block[:, start : start + count], target))
            start += count
        return np.concatenate(found, axis=1)

    def flush(self) -> NDArray[Any]:
        """Return the rest: no samples, as none are held back."""
        return np.zeros((2, 0), np.float32)


class SourceFilters:
    """Filters from the channels of a format to both ears, for any rotation.

    Parameters
    ----------
    source : Layout or AmbisonicFormat
    rate : int
    hrtf, method, order, lfe_gain
        As in `render_binaural`.
    """

    def __init__(
        self,
        source: Format,
        rate: int,
        *,
        hrtf: StrPath | HRTF = "ku100",
        method: Method = "auto",
        order: int | None = None,
        lfe_gain: float = 0.0,
    ) -> None:
        self._source, self.sample_rate, self._hrtf = source, rate, read_hrtf(hrtf)
        self._lfe_gain = as_number(lfe_gain, "lfe_gain", minimum=0.0)
        method = as_choice(method, "method", METHODS)
        if isinstance(source, AmbisonicFormat):
            if order is not None:
                raise OptionError(f"{source.name} has an order; order={order} is for loudspeakers")
            order = source.order
        elif order is None and method not in ("auto", "virtual-loudspeakers"):
            order = DEFAULT_ORDER
        self._order = order
        if order is not None:
            self._form = AmbisonicFormat(order, "N3D")
            self._filters = binaural_filters(
                self._hrtf, order, method=method, sample_rate=rate, normalization="N3D"
            )

    def rotated(self, rotation: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return filters (2, channels, taps) of the scene rotated by a matrix (3, 3)."""
        if isinstance(self._source, Layout):
            return self._of_loudspeakers(self._source, rotation)
        identity = np.eye(self._source.n_channels)
        matrix = convert_ambisonics(identity, self._source, self._form)
        angles = angles_of(rotation)
        matrix = rotate_ambisonics(matrix, *angles, normalization="N3D")
        return np.einsum("eht,hc->ect", self._filters, matrix, optimize=True)

    def _of_loudspeakers(
        self, layout: Layout, rotation: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        # An LFE has no direction: it does not rotate.
        vectors = np.tile([1.0, 0.0, 0.0], (layout.n_channels, 1))
        vectors[layout.loudspeakers] = layout.directions[layout.loudspeakers] @ rotation.T
        if self._order is None:
            pairs = self._hrtf.at(*to_spherical(vectors))
            pairs = responses.resample(pairs, self._hrtf.sample_rate, self.sample_rate)
            filters = np.moveaxis(pairs, 1, 0).copy()
        else:
            gains = harmonics_in(vectors, self._form)
            filters = np.einsum("eht,ch->ect", self._filters, gains, optimize=True)
        filters[:, layout.is_lfe] *= self._lfe_gain
        return filters


class FilterPath:
    """Filters of a scene that rotates along a path, for successive pieces of audio.

    Parameters
    ----------
    filters : SourceFilters
    path : OrientationPath

    Attributes
    ----------
    first : ndarray, shape (2, channels, taps)
        Filters of the first sample.
    """

    def __init__(self, filters: SourceFilters, path: OrientationPath) -> None:
        self._filters = filters
        self._controls = path.controls(filters.sample_rate)
        self.first = self._before = filters.rotated(path.rotation_at(0.0))
        self._after: NDArray[np.float64] | None = None
        self._start = self._at = 0
        self._stop: int | None = 0
        self._advance()

    def pieces(self, samples: int) -> Iterator[tuple[int, NDArray[np.float64] | None]]:
        """Yield the lengths of the pieces of the next ``samples`` samples, and new filters.

        During a piece, the output is crossfaded to that of the new filters; None stands for no
        change. The filters within a range are interpolated: pieces do not change the result.
        """
        while samples:
            count = min(samples, BLOCK_SIZE)
            target = None
            if self._stop is not None:
                count = min(count, self._stop - self._at)
            self._at += count
            if self._after is not None and self._stop is not None:
                target = self._after
                if self._at < self._stop:
                    part = (self._at - self._start) / (self._stop - self._start)
                    target = self._before + part * (self._after - self._before)
            yield count, target
            samples -= count
            if self._at == self._stop:
                self._advance()

    def _advance(self) -> None:
        """Go to the next range, or to the end of the path."""
        self._start = self._at
        if self._after is not None:
            self._before = self._after
        self._stop, rotation = next(self._controls, (None, None))
        self._after = None if rotation is None else self._filters.rotated(rotation)
